/**
 * What is drawn where, as data. Paths are checked against the catalog's generated types;
 * names, units and explanations of the lines come from the catalog at run time.
 */
import type { FieldPath, MetricTypeName, TableName } from '@/api/catalog'
import { type ChartSeries, hasMore, hasValues } from '@/charts/columns'

export interface Panel {
  id: string
  title: string
  paths: readonly FieldPath[]
  stacked?: boolean
  /** The axis reaches at least this far. */
  atLeast?: number
  /** Only in History: one line per row would be too much for a glance. */
  historyOnly?: boolean
  /** What few hosts have: drawn where it is more than zero, and not missed elsewhere. */
  rare?: boolean
}

/** The rows of a table as they are now. */
export interface RowTable {
  table: TableName
  title: string
  fields: readonly FieldPath[]
  /** Fields drawn as a bar of 100 %. */
  bars?: readonly FieldPath[]
  /** Rows where this flag is set come first. */
  first?: FieldPath
}

export interface Section {
  type: MetricTypeName
  title: string
  panels: readonly Panel[]
  tables?: readonly RowTable[]
}

export const sections: readonly Section[] = [
  {
    type: 'cpu',
    title: 'CPU',
    panels: [
      {
        id: 'cpu-states',
        title: 'Time by state',
        stacked: true,
        atLeast: 100,
        paths: [
          'cpu.user_percent',
          'cpu.system_percent',
          'cpu.nice_percent',
          'cpu.iowait_percent',
          'cpu.irq_percent',
          'cpu.softirq_percent',
          'cpu.steal_percent',
          'cpu.guest_percent',
        ],
      },
      {
        id: 'cpu-load',
        title: 'Load average',
        atLeast: 1,
        paths: ['cpu.load_1m', 'cpu.load_5m', 'cpu.load_15m'],
      },
      {
        id: 'cpu-scheduling',
        title: 'Scheduling',
        paths: [
          'cpu.context_switches_per_sec',
          'cpu.interrupts_per_sec',
          'cpu.softirqs_per_sec',
          'cpu.forks_per_sec',
        ],
      },
      { id: 'cpu-tasks', title: 'Tasks', paths: ['cpu.tasks_running', 'cpu.tasks_blocked'] },
      { id: 'cpu-frequency', title: 'Frequency', paths: ['cpu.frequency_mhz'] },
      { id: 'cpu-temperature', title: 'Temperature', paths: ['cpu.temperature_celsius'] },
      {
        id: 'cpu-throttling',
        title: 'Slowdowns by heat since boot',
        atLeast: 1,
        paths: ['cpu.core_throttles', 'cpu.package_throttles'],
      },
      {
        id: 'cpu-usage',
        title: 'Usage',
        historyOnly: true,
        atLeast: 100,
        paths: ['cpu.usage_percent'],
      },
      {
        id: 'cpu-cores',
        title: 'Usage of each core',
        historyOnly: true,
        atLeast: 100,
        paths: ['cpu.cores.*.usage_percent'],
      },
    ],
    tables: [
      {
        table: 'cpu.temperatures',
        title: 'Sensors',
        fields: ['cpu.temperatures.*.temperature_celsius'],
      },
    ],
  },
  {
    type: 'memory',
    title: 'Memory',
    panels: [
      {
        id: 'memory-use',
        title: 'Use',
        stacked: true,
        paths: ['memory.used_bytes', 'memory.available_bytes'],
      },
      {
        id: 'memory-kinds',
        title: 'Contents',
        paths: [
          'memory.anonymous_bytes',
          'memory.cached_bytes',
          'memory.buffers_bytes',
          'memory.shared_bytes',
          'memory.slab_bytes',
          'memory.page_tables_bytes',
        ],
      },
      {
        id: 'memory-dirty',
        title: 'Waiting to be written',
        paths: ['memory.dirty_bytes', 'memory.writeback_bytes'],
      },
      {
        id: 'memory-swap',
        title: 'Swap',
        atLeast: 1024 ** 2,
        paths: ['memory.swap_used_bytes', 'memory.swap_cached_bytes'],
      },
      {
        id: 'memory-commit',
        title: 'Commitment',
        paths: ['memory.committed_bytes', 'memory.commit_limit_bytes'],
      },
      {
        id: 'memory-own-limit',
        title: 'Own limit',
        rare: true,
        paths: ['memory.cgroup.used_bytes', 'memory.cgroup.limit_bytes'],
      },
      {
        id: 'memory-zfs',
        title: 'ZFS cache',
        rare: true,
        paths: ['memory.zfs_arc_bytes', 'memory.zfs_arc_min_bytes', 'memory.zfs_arc_max_bytes'],
      },
      {
        id: 'memory-huge-pages',
        title: 'Huge pages',
        rare: true,
        paths: ['memory.huge_pages', 'memory.huge_pages_free', 'memory.huge_pages_reserved'],
      },
      {
        id: 'memory-activity',
        title: 'Recently used or not',
        historyOnly: true,
        paths: [
          'memory.active_bytes',
          'memory.inactive_bytes',
          'memory.unevictable_bytes',
          'memory.anonymous_huge_pages_bytes',
        ],
      },
      {
        id: 'memory-usage',
        title: 'Usage',
        historyOnly: true,
        atLeast: 100,
        paths: ['memory.usage_percent', 'memory.swap_usage_percent'],
      },
    ],
  },
  {
    type: 'network',
    title: 'Network',
    panels: [
      {
        id: 'network-bytes',
        title: 'Throughput',
        paths: ['network.bytes_recv_per_sec', 'network.bytes_sent_per_sec'],
      },
      {
        id: 'network-packets',
        title: 'Packets',
        paths: ['network.packets_recv_per_sec', 'network.packets_sent_per_sec'],
      },
      {
        id: 'network-errors',
        title: 'Errors and drops',
        atLeast: 1,
        paths: [
          'network.errors_recv_per_sec',
          'network.errors_sent_per_sec',
          'network.drops_recv_per_sec',
          'network.drops_sent_per_sec',
        ],
      },
      {
        id: 'network-softnet',
        title: 'Trouble before any protocol',
        atLeast: 1,
        paths: ['network.softnet.dropped_per_sec', 'network.softnet.time_squeezed_per_sec'],
      },
      {
        id: 'network-connections',
        title: 'TCP connections',
        paths: [
          'network.tcp.current_established',
          'network.tcp.time_wait',
          'network.tcp.close_wait',
          'network.tcp.syn_recv',
          'network.tcp.listen',
        ],
      },
      {
        id: 'network-tcp',
        title: 'TCP trouble',
        atLeast: 1,
        paths: [
          'network.tcp.segments_retransmitted_per_sec',
          'network.tcp.resets_sent_per_sec',
          'network.tcp.listen_overflows_per_sec',
          'network.tcp.listen_drops_per_sec',
        ],
      },
      {
        id: 'network-udp',
        title: 'UDP',
        atLeast: 1,
        paths: [
          'network.udp.datagrams_recv_per_sec',
          'network.udp.datagrams_sent_per_sec',
          'network.udp.errors_recv_per_sec',
          'network.udp.no_port_per_sec',
        ],
      },
      {
        id: 'network-interfaces-in',
        title: 'Received by each interface',
        historyOnly: true,
        paths: ['network.interfaces.*.bytes_recv_per_sec'],
      },
      {
        id: 'network-interfaces-out',
        title: 'Sent by each interface',
        historyOnly: true,
        paths: ['network.interfaces.*.bytes_sent_per_sec'],
      },
    ],
    tables: [
      {
        table: 'network.interfaces',
        title: 'Interfaces',
        first: 'network.interfaces.*.physical',
        fields: [
          'network.interfaces.*.kind',
          'network.interfaces.*.bytes_recv_per_sec',
          'network.interfaces.*.bytes_sent_per_sec',
          'network.interfaces.*.packets_recv_per_sec',
          'network.interfaces.*.packets_sent_per_sec',
          'network.interfaces.*.errors_recv_per_sec',
          'network.interfaces.*.drops_recv_per_sec',
          'network.interfaces.*.speed_bytes_per_sec',
          'network.interfaces.*.up',
          'network.interfaces.*.carrier',
        ],
      },
    ],
  },
  {
    type: 'disk',
    title: 'Disk',
    panels: [
      {
        id: 'disk-bytes',
        title: 'Throughput',
        paths: ['disk.bytes_read_per_sec', 'disk.bytes_written_per_sec'],
      },
      {
        id: 'disk-operations',
        title: 'Operations',
        atLeast: 1,
        paths: ['disk.reads_per_sec', 'disk.writes_per_sec'],
      },
      {
        id: 'disk-latency',
        title: 'Mean latency',
        paths: ['disk.read_latency_ms', 'disk.write_latency_ms'],
      },
      {
        id: 'disk-merged',
        title: 'Requests joined to others',
        historyOnly: true,
        rare: true,
        paths: ['disk.devices.*.reads_merged_per_sec', 'disk.devices.*.writes_merged_per_sec'],
      },
      {
        id: 'disk-utilization',
        title: 'Utilisation of each device',
        historyOnly: true,
        atLeast: 100,
        paths: ['disk.devices.*.utilization_percent'],
      },
      {
        id: 'disk-filesystems',
        title: 'Use of each file system',
        historyOnly: true,
        atLeast: 100,
        paths: ['disk.filesystems.*.usage_percent'],
      },
    ],
    tables: [
      {
        table: 'disk.devices',
        title: 'Devices',
        first: 'disk.devices.*.physical',
        bars: ['disk.devices.*.utilization_percent'],
        fields: [
          'disk.devices.*.utilization_percent',
          'disk.devices.*.bytes_read_per_sec',
          'disk.devices.*.bytes_written_per_sec',
          'disk.devices.*.reads_per_sec',
          'disk.devices.*.writes_per_sec',
          'disk.devices.*.read_latency_ms',
          'disk.devices.*.write_latency_ms',
          'disk.devices.*.queue_length',
        ],
      },
      {
        table: 'disk.filesystems',
        title: 'File systems',
        bars: ['disk.filesystems.*.usage_percent', 'disk.filesystems.*.inodes_usage_percent'],
        fields: [
          'disk.filesystems.*.usage_percent',
          'disk.filesystems.*.used_bytes',
          'disk.filesystems.*.available_bytes',
          'disk.filesystems.*.total_bytes',
          'disk.filesystems.*.inodes_usage_percent',
          'disk.filesystems.*.read_only',
          'disk.filesystems.*.responding',
        ],
      },
    ],
  },
  {
    type: 'perf_events',
    title: 'Performance events',
    panels: [
      {
        id: 'perf-software',
        title: 'Software events',
        paths: ['perf_events.context_switches_per_sec', 'perf_events.cpu_migrations_per_sec'],
      },
      {
        id: 'perf-faults',
        title: 'Page faults',
        paths: ['perf_events.minor_faults_per_sec', 'perf_events.major_faults_per_sec'],
      },
      { id: 'perf-clock', title: 'CPU clock', paths: ['perf_events.cpu_clock'] },
      {
        id: 'perf-cycles',
        title: 'Cycles and instructions',
        paths: ['perf_events.cycles_per_sec', 'perf_events.instructions_per_sec'],
      },
      { id: 'perf-ipc', title: 'Instructions per cycle', paths: ['perf_events.ipc'] },
      {
        id: 'perf-top-down',
        title: 'Top-down analysis',
        stacked: true,
        atLeast: 100,
        paths: [
          'perf_events.retiring_percent',
          'perf_events.bad_speculation_percent',
          'perf_events.frontend_bound_percent',
          'perf_events.backend_bound_percent',
        ],
      },
      {
        id: 'perf-misses',
        title: 'Cache and branch misses',
        paths: [
          'perf_events.branch_miss_percent',
          'perf_events.cache_miss_percent',
          'perf_events.l1d_miss_percent',
          'perf_events.llc_miss_percent',
        ],
      },
      {
        id: 'perf-tlb',
        title: 'TLB misses',
        paths: ['perf_events.dtlb_miss_percent', 'perf_events.itlb_miss_percent'],
      },
      {
        id: 'perf-coverage',
        title: 'Counter coverage',
        historyOnly: true,
        atLeast: 100,
        paths: [
          'perf_events.software_coverage_percent',
          'perf_events.hardware_coverage_percent',
          'perf_events.cache_coverage_percent',
        ],
      },
    ],
  },
  {
    type: 'memory_bandwidth',
    title: 'Memory bandwidth',
    panels: [
      {
        id: 'bandwidth-dram',
        title: 'DRAM',
        paths: [
          'memory_bandwidth.dram.read_bytes_per_sec',
          'memory_bandwidth.dram.write_bytes_per_sec',
          'memory_bandwidth.dram.transferred_bytes_per_sec',
        ],
      },
      {
        id: 'bandwidth-sockets',
        title: 'DRAM of each socket',
        rare: true,
        paths: ['memory_bandwidth.sockets.*.transferred_bytes_per_sec'],
      },
      {
        id: 'bandwidth-domains',
        title: 'DRAM behind each cache',
        rare: true,
        paths: [
          'memory_bandwidth.domains.*.transferred_bytes_per_sec',
          'memory_bandwidth.domains.*.local_bytes_per_sec',
        ],
      },
      {
        id: 'bandwidth-paging',
        title: 'Paging',
        paths: [
          'memory_bandwidth.page_in_bytes_per_sec',
          'memory_bandwidth.page_out_bytes_per_sec',
        ],
      },
      {
        id: 'bandwidth-faults',
        title: 'Page faults',
        paths: ['memory_bandwidth.page_faults_per_sec', 'memory_bandwidth.major_faults_per_sec'],
      },
      {
        id: 'bandwidth-swap',
        title: 'Swapping',
        atLeast: 1024,
        paths: [
          'memory_bandwidth.swap_in_bytes_per_sec',
          'memory_bandwidth.swap_out_bytes_per_sec',
        ],
      },
      {
        id: 'bandwidth-reclaim',
        title: 'Reclaim',
        atLeast: 1,
        paths: [
          'memory_bandwidth.pages_scanned_per_sec',
          'memory_bandwidth.pages_reclaimed_per_sec',
          'memory_bandwidth.oom_kills_per_sec',
        ],
      },
    ],
  },
  {
    type: 'pressure',
    title: 'Pressure',
    panels: [
      {
        id: 'pressure-some',
        title: 'Some tasks waited',
        atLeast: 1,
        paths: ['pressure.*.some_percent'],
      },
      {
        id: 'pressure-full',
        title: 'All tasks waited',
        atLeast: 1,
        paths: ['pressure.*.full_percent'],
      },
      {
        id: 'pressure-minute',
        title: 'Some tasks, mean of 60 s',
        atLeast: 1,
        paths: ['pressure.*.some_avg60_percent'],
      },
    ],
    tables: [
      {
        table: 'pressure',
        title: 'Resources',
        fields: [
          'pressure.*.some_percent',
          'pressure.*.some_avg10_percent',
          'pressure.*.some_avg60_percent',
          'pressure.*.some_avg300_percent',
          'pressure.*.full_percent',
          'pressure.*.full_avg10_percent',
          'pressure.*.full_avg60_percent',
          'pressure.*.full_avg300_percent',
        ],
      },
    ],
  },
  {
    type: 'power',
    title: 'Power',
    panels: [
      { id: 'power-packages', title: 'CPU packages', paths: ['power.package_watts'] },
      {
        id: 'power-zones',
        title: 'Parts of the host',
        rare: true,
        paths: ['power.zones.*.power_watts'],
      },
      {
        id: 'power-charge',
        title: 'Charge of batteries',
        rare: true,
        atLeast: 100,
        paths: ['power.supplies.*.capacity_percent'],
      },
      {
        id: 'power-batteries',
        title: 'Into or out of batteries',
        rare: true,
        paths: ['power.supplies.*.power_watts'],
      },
    ],
    tables: [
      {
        table: 'power.zones',
        title: 'Parts of the host',
        fields: ['power.zones.*.power_watts', 'power.zones.*.limit_watts'],
      },
      {
        table: 'power.supplies',
        title: 'Batteries and supplies',
        bars: ['power.supplies.*.capacity_percent'],
        fields: [
          'power.supplies.*.capacity_percent',
          'power.supplies.*.power_watts',
          'power.supplies.*.energy_wh',
          'power.supplies.*.energy_full_wh',
          'power.supplies.*.charging',
          'power.supplies.*.online',
        ],
      },
    ],
  },
]

/** The single numbers of the first row that are no lines of a panel. */
const headlines: readonly FieldPath[] = ['cpu.usage_percent', 'memory.usage_percent']

/** What the live rings keep. */
export const livePaths: readonly FieldPath[] = [
  ...new Set([
    ...headlines,
    ...sections.flatMap((section) =>
      section.panels.filter((panel) => panel.historyOnly !== true).flatMap((panel) => panel.paths),
    ),
  ]),
]

export function sectionOf(type: string): Section {
  return sections.find((section) => section.type === type) ?? sections[0]!
}

/** Every path of a section, once: what History asks for. */
export function pathsOf(section: Section): FieldPath[] {
  return [...new Set(section.panels.flatMap((panel) => panel.paths))]
}

export function isDrawn(panel: Panel, series: readonly ChartSeries[]): boolean {
  return series.some(panel.rare === true ? hasMore : hasValues)
}

/** Whether a reader should be told that it is not there. */
export function isMissed(panel: Panel, series: readonly ChartSeries[]): boolean {
  return panel.rare !== true && !series.some(hasValues)
}
