/* A driver library with one GPU, for pynvml: the signatures are those of NVIDIA's nvml.h.
   Variables give it faults: FAKE_NVML=ecc,worn,mig,idle,hang; idle has no processes on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, NOT_SUPPORTED = 3, NOT_FOUND = 6, INSUFFICIENT_SIZE = 7 };

typedef struct { unsigned gpu, memory; } Utilization;
typedef struct { unsigned long long total, free, used; } Memory;
typedef struct { unsigned long long reference_us, violation_ns; } Violation;
typedef struct { unsigned pid; unsigned long long bytes; unsigned gpu_instance, compute_instance; } Process;

static int device;

static int is(const char *fault)
{
    const char *faults = getenv("FAKE_NVML");
    return faults && strstr(faults, fault);
}

int nvmlInitWithFlags(unsigned flags)
{
    if (is("hang")) sleep(600);
    return OK;
}

int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { return code == NOT_SUPPORTED ? "Not Supported" : "Other"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { return snprintf(text, size, "580.65.06") < 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = &device; return OK; }

int nvmlDeviceGetHandleByUUID(const char *uuid, void **handle)
{
    *handle = &device;
    return strcmp(uuid, "GPU-8f3c") ? NOT_FOUND : OK;
}

int nvmlDeviceGetName(void *gpu, char *text, unsigned size) { return snprintf(text, size, "NVIDIA Fake") < 0; }
int nvmlDeviceGetPowerUsage(void *gpu, unsigned *milliwatts) { *milliwatts = 345678; return OK; }
int nvmlDeviceGetTotalEnergyConsumption(void *gpu, unsigned long long *millijoules) { *millijoules = 9000000000ULL; return OK; }
int nvmlDeviceGetUtilizationRates(void *gpu, Utilization *rates) { rates->gpu = 98; rates->memory = 40; return OK; }
int nvmlDeviceGetMemoryInfo(void *gpu, Memory *memory)
{
    memory->total = 1ULL << 36;
    memory->used = is("idle") ? 1ULL << 29 : 1ULL << 33;
    return OK;
}

int nvmlDeviceGetClockInfo(void *gpu, int kind, unsigned *megahertz) { *megahertz = kind == 1 ? 1755 : 2619; return OK; }
int nvmlDeviceGetTemperature(void *gpu, int sensor, unsigned *celsius) { *celsius = 61; return OK; }
int nvmlDeviceGetCurrentClocksThrottleReasons(void *gpu, unsigned long long *mask) { *mask = 0x44; return OK; }
int nvmlDeviceGetCurrPcieLinkWidth(void *gpu, unsigned *lanes) { *lanes = 8; return OK; }
int nvmlDeviceGetMaxPcieLinkWidth(void *gpu, unsigned *lanes) { *lanes = 16; return OK; }
int nvmlDeviceGetEnforcedPowerLimit(void *gpu, unsigned *milliwatts) { *milliwatts = 450000; return OK; }
int nvmlDeviceGetPowerManagementDefaultLimit(void *gpu, unsigned *milliwatts) { *milliwatts = 700000; return OK; }

int nvmlDeviceGetTotalEccErrors(void *gpu, int kind, int counter, unsigned long long *count)
{
    *count = is("ecc") ? 3 : 0;
    return OK;
}

int nvmlDeviceGetRemappedRows(void *gpu, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed)
{
    *corrected = *uncorrected = *pending = 0;
    *failed = is("worn");
    return OK;
}

int nvmlDeviceGetMigMode(void *gpu, unsigned *current, unsigned *pending)
{
    *current = *pending = is("mig");
    return OK;
}

int nvmlDeviceGetViolationStatus(void *gpu, int policy, Violation *status)
{
    status->violation_ns = 1500000000ULL;
    return policy == 1 ? OK : NOT_SUPPORTED;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *gpu, unsigned *count, Process *processes)
{
    if (is("idle")) { *count = 0; return OK; }
    if (*count < 2) { *count = 2; return INSUFFICIENT_SIZE; }
    *count = 2;
    processes[0].pid = 11;
    processes[1].pid = 12;
    return OK;
}
