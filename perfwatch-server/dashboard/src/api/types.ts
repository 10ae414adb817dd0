/** The names under which the rest of the dashboard knows the daemon's answers. */
import type { components, operations } from './schema'

type Schemas = components['schemas']
type QueryOf<O extends keyof operations> = NonNullable<operations[O]['parameters']['query']>

export type ErrorBody = Schemas['ErrorBody']
export type LoginRequest = Schemas['LoginRequest']
export type LoginResponse = Schemas['LoginResponse']
export type PasswordChange = Schemas['PasswordChange']
export type Me = Schemas['Me']
export type LiveMessage = Schemas['LiveMessage']
export type CatalogAnswer = Schemas['CatalogAnswer']
export type CatalogType = Schemas['CatalogType']
export type CatalogTable = Schemas['CatalogTable']
export type CatalogField = Schemas['CatalogField']
export type HistoryQuery = QueryOf<'history'>
export type HistoryColumns = Schemas['HistoryColumns']
export type CompareQuery = QueryOf<'compare'>
export type CompareAnswer = Schemas['CompareAnswer']
export type ChangesQuery = QueryOf<'changes'>
export type ChangesAnswer = Schemas['ChangesAnswer']
export type SeriesChange = Schemas['SeriesChange']
export type HostsAnswer = Schemas['HostsAnswer']
export type HostEntry = Schemas['HostEntry']
export type RetentionAnswer = Schemas['RetentionAnswer']
export type RetentionPolicy = Schemas['RetentionPolicy']
export type RetentionUpdate = Schemas['RetentionUpdate']
export type ForecastAnswer = Schemas['ForecastAnswer']
export type StoreForecast = Schemas['StoreForecast']
export type CleanupReport = Schemas['CleanupReport']
export type ConfigAnswer = Schemas['ConfigAnswer']
export type CollectorState = Schemas['CollectorState']
export type StoreState = Schemas['StoreState']
