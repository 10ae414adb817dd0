//! The tables of a made host: 200 series with its rows. Rates are gauges here: they are made, not
//! counted.

use perfwatch_core::{Table, metric_table};

metric_table! {
    /// All CPUs together.
    pub(super) table cpu: cpu {
        /// In programs.
        user: Gauge Percent,
        /// In the kernel.
        system: Gauge Percent,
        /// Waiting for disks.
        iowait: Gauge Percent,
        /// In interrupts.
        irq: Gauge Percent,
        /// In soft interrupts.
        softirq: Gauge Percent,
        /// Taken by the hypervisor.
        steal: Gauge Percent,
        /// Doing nothing.
        idle: Gauge Percent,
        /// Not doing nothing.
        usage: Gauge Percent,
    }
}

metric_table! {
    /// Each CPU.
    pub(super) table cores: cpu.cores per core {
        /// In programs.
        user: Gauge Percent,
        /// In the kernel.
        system: Gauge Percent,
        /// Waiting for disks.
        iowait: Gauge Percent,
        /// In interrupts.
        irq: Gauge Percent,
        /// Doing nothing.
        idle: Gauge Percent,
        /// Not doing nothing.
        usage: Gauge Percent,
        /// How fast it runs.
        frequency: Gauge Megahertz,
    }
}

metric_table! {
    /// Processes, and what the kernel does for them.
    pub(super) table system: system {
        /// Of one minute.
        load1: Gauge Average,
        /// Of five minutes.
        load5: Gauge Average,
        /// Of fifteen minutes.
        load15: Gauge Average,
        /// That want a CPU.
        running: Gauge Count,
        /// That wait for a disk.
        blocked: Gauge Count,
        /// All of them.
        processes: Gauge Count,
        /// Their threads.
        threads: Gauge Count,
        /// From one thread to another.
        switches: Gauge EventsPerSecond,
        /// Of devices.
        interrupts: Gauge EventsPerSecond,
        /// New processes.
        forks: Gauge EventsPerSecond,
        /// Soft ones.
        softirqs: Gauge EventsPerSecond,
        /// Of memory not mapped yet.
        faults: Gauge EventsPerSecond,
        /// Those that read a disk.
        major_faults: Gauge EventsPerSecond,
        /// Pages from swap.
        swapped_in: Gauge EventsPerSecond,
        /// Pages to swap.
        swapped_out: Gauge EventsPerSecond,
    }
}

metric_table! {
    /// Memory.
    pub(super) table memory: memory {
        /// All of it.
        total: Gauge Bytes,
        /// Unused.
        free: Gauge Bytes,
        /// What programs could have.
        available: Gauge Bytes,
        /// Of block devices.
        buffers: Gauge Bytes,
        /// Of files.
        cached: Gauge Bytes,
        /// Used lately.
        active: Gauge Bytes,
        /// Not used lately.
        inactive: Gauge Bytes,
        /// To be written.
        dirty: Gauge Bytes,
        /// Being written.
        writeback: Gauge Bytes,
        /// Of the kernel.
        slab: Gauge Bytes,
        /// Shared.
        shmem: Gauge Bytes,
        /// Mapped files.
        mapped: Gauge Bytes,
        /// Of programs.
        anonymous: Gauge Bytes,
        /// Tables of pages.
        page_tables: Gauge Bytes,
        /// All swap.
        swap_total: Gauge Bytes,
        /// Unused swap.
        swap_free: Gauge Bytes,
        /// Used.
        used: Gauge Percent,
    }
}

metric_table! {
    /// Each disk.
    pub(super) table disks: disk.devices per device {
        /// Read.
        read: Gauge BytesPerSecond,
        /// Written.
        written: Gauge BytesPerSecond,
        /// Reads.
        reads: Gauge EventsPerSecond,
        /// Writes.
        writes: Gauge EventsPerSecond,
        /// Busy.
        busy: Gauge Percent,
        /// Waiting requests.
        queue: Gauge Average,
        /// What a read takes.
        read_latency: Gauge Milliseconds,
        /// What a write takes.
        write_latency: Gauge Milliseconds,
    }
}

metric_table! {
    /// Each file system.
    pub(super) table filesystems: disk.filesystems per mount {
        /// Its size.
        total: Gauge Bytes,
        /// Used.
        used: Gauge Bytes,
        /// Free for users.
        available: Gauge Bytes,
        /// Used, as a share.
        usage: Gauge Percent,
        /// Files.
        files: Gauge Count,
    }
}

metric_table! {
    /// Each network interface.
    pub(super) table interfaces: network.interfaces per interface {
        /// Received.
        received: Gauge BytesPerSecond,
        /// Sent.
        sent: Gauge BytesPerSecond,
        /// Packets received.
        packets_received: Gauge EventsPerSecond,
        /// Packets sent.
        packets_sent: Gauge EventsPerSecond,
        /// Broken ones.
        errors: Gauge EventsPerSecond,
        /// Lost ones.
        dropped: Gauge EventsPerSecond,
        /// Whether it has a link.
        up: Gauge Flag,
    }
}

metric_table! {
    /// Connections.
    pub(super) table tcp: network.tcp {
        /// Segments received.
        segments_received: Gauge EventsPerSecond,
        /// Segments sent.
        segments_sent: Gauge EventsPerSecond,
        /// Segments sent again.
        retransmitted: Gauge EventsPerSecond,
        /// Open ones.
        established: Gauge Count,
    }
}

metric_table! {
    /// Waiting for resources.
    pub(super) table pressure: pressure per resource {
        /// Somebody waited.
        some: Gauge Percent,
        /// Everybody waited.
        full: Gauge Percent,
    }
}

metric_table! {
    /// Each sensor.
    pub(super) table sensors: sensors per sensor {
        /// How hot it is.
        temperature: Gauge Celsius,
    }
}

/// All of them.
pub(super) static TABLES: [&Table; 10] = [
    &cpu::TABLE,
    &cores::TABLE,
    &system::TABLE,
    &memory::TABLE,
    &disks::TABLE,
    &filesystems::TABLE,
    &interfaces::TABLE,
    &tcp::TABLE,
    &pressure::TABLE,
    &sensors::TABLE,
];
