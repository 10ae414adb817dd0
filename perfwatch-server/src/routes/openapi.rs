//! `/api/openapi.json`: this interface, described for programs.

use axum::{extract::State, response::Response};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::{app::Shared, respond};

/// What is said of the interface as a whole.
#[derive(OpenApi)]
#[openapi(info(title = "PerfWatch"), modifiers(&Schemes))]
pub(crate) struct Description;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let bearer = |about: &str| {
            let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
            SecurityScheme::Http(scheme.build())
        };
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", bearer("What a login gives."));
        components.add_security_scheme("scrape", bearer("The scrape token of the configuration."));
    }
}

/// This document.
#[utoipa::path(get, path = "/api/openapi.json", tag = "health",
    responses((status = 200, description = "An OpenAPI 3.1 document.", body = Object)))]
pub(crate) async fn openapi(State(app): State<Shared>) -> Response {
    respond::json(app.description.clone())
}
