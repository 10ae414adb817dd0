/** The names under which the rest of the dashboard knows the daemon's answers. */
import type { components } from './schema'

type Schemas = components['schemas']

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
export type HistoryColumns = Schemas['HistoryColumns']
export type CompareAnswer = Schemas['CompareAnswer']
export type HostsAnswer = Schemas['HostsAnswer']
export type RetentionAnswer = Schemas['RetentionAnswer']
export type RetentionPolicy = Schemas['RetentionPolicy']
export type RetentionUpdate = Schemas['RetentionUpdate']
export type CleanupReport = Schemas['CleanupReport']
export type ConfigAnswer = Schemas['ConfigAnswer']
export type CollectorState = Schemas['CollectorState']
