"""The kernel's governors: cpufreq's, and the thermal ones."""
