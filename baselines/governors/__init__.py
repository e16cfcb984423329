"""The kernel's governors in user space: cpufreq's, and the thermal ones."""
