"""What the kernel's governors do, in user space: cpufreq's, and the thermal ones."""
