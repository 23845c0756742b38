//! `ApiVersions` 0-4. An unknown version is answered in version 0 (KIP-511).

use kafka_protocol::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiKey, ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::Message;

use super::{Call, SERVED, Serve};

fn too_new(call: &Call) -> bool {
    let known =
        call.with(|state| state.versions(ApiKey::ApiVersions, ApiVersionsRequest::VERSIONS));
    known.is_some_and(|known| call.origin.version > known.max)
}

impl Serve for ApiVersionsRequest {
    async fn serve(self, call: &Call) -> ApiVersionsResponse {
        let keys = call.with(|state| {
            let shown = SERVED.iter().filter_map(|&key| {
                let range = state.versions(key, key.valid_versions())?;
                Some(
                    ApiVersion::default()
                        .with_api_key(key as i16)
                        .with_min_version(range.min)
                        .with_max_version(range.max),
                )
            });
            shown.collect()
        });
        let error = if too_new(call) { ResponseError::UnsupportedVersion.code() } else { 0 };
        ApiVersionsResponse::default().with_error_code(error).with_api_keys(keys)
    }

    fn refuse(&self, error: i16, _: &Call) -> ApiVersionsResponse {
        ApiVersionsResponse::default().with_error_code(error)
    }

    fn answer_version(call: &Call) -> i16 {
        if too_new(call) { 0 } else { call.origin.version }
    }
}
