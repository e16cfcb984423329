/* A board for QEMU's "pc" machine: clocks, a temperature sensor and a trip, for the stock kernel's own
   drivers acpi-cpufreq and ACPI thermal.

   P-states: the VF levels of the profile raspberry_pi_3b. The register is I/O port 0xB3, the chipset's
   APM status byte, a plain scratch byte: the kernel writes the index of the level, the host reads it.
   Temperature: the first word of the shared memory of an ivshmem-plain device in PCI slot 5, in tenths
   of a kelvin: the host writes it. */
DefinitionBlock ("", "SSDT", 2, "TVFS", "BOARD", 1)
{
    External (\_SB.CPUS, DeviceObj)
    External (\_SB.CPUS.C000, DeviceObj)
    External (\_SB.CPUS.C001, DeviceObj)
    External (\_SB.PCI0.S28, DeviceObj)

    /* MHz, mW (unused), transition latency in us, bus latency in us, control, status */
    Name (RPSS, Package () {
        Package () { 1200, 2300, 10, 10, 0, 0 },
        Package () { 1100, 2100, 10, 10, 1, 1 },
        Package () { 1000, 1900, 10, 10, 2, 2 },
        Package () {  900, 1700, 10, 10, 3, 3 },
        Package () {  800, 1500, 10, 10, 4, 4 },
        Package () {  700, 1300, 10, 10, 5, 5 },
        Package () {  600, 1000, 10, 10, 6, 6 }
    })
    Name (RPCT, Package () {
        ResourceTemplate () { Register (SystemIO, 8, 0, 0xB3) },
        ResourceTemplate () { Register (SystemIO, 8, 0, 0xB3) }
    })

    Scope (\_SB.CPUS.C000)
    {
        Method (_PCT) { Return (RPCT) }
        Method (_PSS) { Return (RPSS) }
        Method (_PPC) { Return (Zero) }
        Name (_PSD, Package () { Package () { 5, 0, 0, 0xFC, 2 } }) /* one clock for both CPUs */
    }
    Scope (\_SB.CPUS.C001)
    {
        Method (_PCT) { Return (RPCT) }
        Method (_PSS) { Return (RPSS) }
        Method (_PPC) { Return (Zero) }
        Name (_PSD, Package () { Package () { 5, 0, 0, 0xFC, 2 } })
    }

    Scope (\_SB.PCI0.S28)
    {
        OperationRegion (PCFG, PCI_Config, 0x00, 0x40)
        Field (PCFG, DWordAcc, NoLock, Preserve) { Offset (0x18), BAR2, 32 }
        Method (RDTK, 0, Serialized)
        {
            Local0 = (BAR2 & 0xFFFFFFF0)
            OperationRegion (SHRM, SystemMemory, Local0, 0x100)
            Field (SHRM, DWordAcc, NoLock, Preserve) { DKEL, 32 }
            Return (DKEL)
        }
    }

    Scope (\_TZ)
    {
        ThermalZone (SOC0)
        {
            Method (_TMP) { Return (\_SB.PCI0.S28.RDTK ()) }
            Method (_CRT) { Return (3832) } /* 110 degC */
            Method (_PSV) { Return (3432) } /*  70 degC */
            Name (_TC1, 1)
            Name (_TC2, 5)
            Name (_TSP, 10)
            Name (_TZP, 10) /* looked at every second */
            Name (_PSL, Package () { \_SB.CPUS.C000, \_SB.CPUS.C001 })
        }
    }
}
