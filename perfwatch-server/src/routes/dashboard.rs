//! Everything else: the web application, which is part of the binary.

use axum::{http::HeaderMap, response::Response};

use crate::error::AppResult;

#[cfg(feature = "dashboard")]
pub(crate) use embedded::file;
#[cfg(not(feature = "dashboard"))]
pub(crate) use left_out::file;

#[cfg(feature = "dashboard")]
mod embedded {
    use axum::{
        http::{HeaderValue, StatusCode, header},
        response::IntoResponse,
    };
    use rust_embed::{EmbeddedFile, RustEmbed};

    use super::{AppResult, HeaderMap, Response};
    use crate::error::AppError;

    #[derive(RustEmbed)]
    #[folder = "$OUT_DIR/dashboard"]
    struct Files;

    const INDEX: &str = "index.html";

    /// A file of the application; any other path is one of its views, which the page itself shows.
    pub(crate) fn file(path: &str, headers: &HeaderMap) -> AppResult<Response> {
        let path = path.trim_start_matches('/');
        if let Some(file) = Files::get(path) {
            return answer(path, &file, headers);
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        if path.starts_with("assets/") || last.contains('.') {
            return Err(AppError::not_found("there is no such file"));
        }
        let index =
            Files::get(INDEX).ok_or_else(|| AppError::not_found("there is no dashboard"))?;
        answer(INDEX, &index, headers)
    }

    fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> AppResult<Response> {
        let hash: String =
            file.metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // Weak, because the body may be compressed on its way.
        let tag = format!("W/\"{hash}\"");
        let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
        // The name of an asset changes with its content.
        let keep = if path.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let tag = HeaderValue::from_str(&tag).map_err(|error| AppError::broken(&error))?;
        let head = [
            (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
            (header::ETAG, tag),
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type(path))),
        ];
        if known {
            return Ok((StatusCode::NOT_MODIFIED, head).into_response());
        }
        Ok((head, file.data.to_vec()).into_response())
    }

    /// The media types of what Vite writes.
    fn content_type(path: &str) -> &'static str {
        match path.rsplit('.').next() {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("png") => "image/png",
            Some("ico") => "image/x-icon",
            Some("woff2") => "font/woff2",
            Some("json" | "map") => "application/json",
            Some("txt") => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(not(feature = "dashboard"))]
mod left_out {
    use axum::response::IntoResponse;

    use super::{AppResult, HeaderMap, Response};
    use crate::error::AppError;

    const PAGE: &str = "PerfWatch is running. This build has no dashboard: build it with the \
        feature `dashboard`, or use the API (see /api/openapi.json).\n";

    pub(crate) fn file(path: &str, _: &HeaderMap) -> AppResult<Response> {
        if path == "/" {
            return Ok(PAGE.into_response());
        }
        Err(AppError::not_found("there is no such page; this build has no dashboard"))
    }
}
