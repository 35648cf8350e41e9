# All images at once: docker buildx bake -f docker/bake.hcl [cpu|cuda|rocm]
# `nobs build` builds one image and adds labels that need the finished wheels:
#   docker buildx build -f docker/B.Dockerfile --target facts --output type=local,dest=DIR .
#       -> DIR/nobs-image.json: torch_version, arch_list, ...
#   docker buildx build -f docker/B.Dockerfile --load --label nobs.torch.version=... \
#       --label nobs.torch.arch_list="sm_80 sm_90 ..." -t nobs:B .       (all of it from the cache)
variable "BASE_IMAGE" { default = "python:3.12-slim" }
variable "NOBS_VERSION" { default = "unknown" }
variable "NOBS_COMMIT" { default = "unknown" }
variable "NOBS_SOURCE" { default = "unknown" }

# Empty: the default of each Dockerfile.
variable "TORCH_INDEX" { default = "" }

group "default" {
  targets = ["cpu", "cuda", "rocm"]
}

target "image" {
  name       = backend
  matrix     = { backend = ["cpu", "cuda", "rocm"] }
  dockerfile = "docker/${backend}.Dockerfile"
  tags       = ["nobs:${backend}"]
  args = {
    BASE_IMAGE   = BASE_IMAGE
    TORCH_INDEX  = TORCH_INDEX != "" ? TORCH_INDEX : null
    NOBS_VERSION = NOBS_VERSION
    NOBS_COMMIT  = NOBS_COMMIT
    NOBS_SOURCE  = NOBS_SOURCE
  }
}
