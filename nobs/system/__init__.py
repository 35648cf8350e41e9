"""What the machine is, without torch: device, accelerators and host facts."""
