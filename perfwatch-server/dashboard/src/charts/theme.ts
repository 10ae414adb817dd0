/** The colours of charts. The page's own are CSS variables of the same names in style.css. */
export interface ChartTheme {
  ink: string
  muted: string
  line: string
  panel: string
  series: readonly string[]
}

/** Told apart by people who do not see all colours: neighbours differ in lightness too. */
const light: ChartTheme = {
  ink: '#1b2430',
  muted: '#5d6b7c',
  line: '#e4e8ee',
  panel: '#ffffff',
  series: [
    '#0f766e',
    '#d97706',
    '#4f63d2',
    '#c0266b',
    '#5f9a1f',
    '#0891b2',
    '#8b5cf6',
    '#b4532a',
    '#64748b',
    '#ca8a04',
    '#15803d',
    '#be123c',
  ],
}

const dark: ChartTheme = {
  ink: '#e6ebf2',
  muted: '#93a1b3',
  line: '#263040',
  panel: '#151b24',
  series: [
    '#2dd4bf',
    '#fbbf24',
    '#8ea0ff',
    '#f472b6',
    '#a3e635',
    '#38bdf8',
    '#c4b5fd',
    '#fb923c',
    '#94a3b8',
    '#fde047',
    '#4ade80',
    '#fb7185',
  ],
}

export function chartTheme(isDark: boolean): ChartTheme {
  return isDark ? dark : light
}

export function seriesColor(theme: ChartTheme, index: number): string {
  return theme.series[index % theme.series.length] ?? theme.ink
}
