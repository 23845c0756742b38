//! `SaslHandshake` 0-1 and `SaslAuthenticate` 0-2, with PLAIN (RFC 4616).

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};

use super::{Call, Serve, text};

impl Serve for SaslHandshakeRequest {
    async fn serve(self, _: &Call) -> SaslHandshakeResponse {
        let known = &*self.mechanism == "PLAIN";
        let error = if known { 0 } else { ResponseError::UnsupportedSaslMechanism.code() };
        SaslHandshakeResponse::default().with_error_code(error).with_mechanisms(vec![text("PLAIN")])
    }

    fn refuse(&self, error: i16, _: &Call) -> SaslHandshakeResponse {
        SaslHandshakeResponse::default().with_error_code(error)
    }
}

impl Serve for SaslAuthenticateRequest {
    async fn serve(self, call: &Call) -> SaslAuthenticateResponse {
        let known = call.with(|state| {
            let (user, password) = state.login.as_ref()?;
            (self.auth_bytes == format!("\0{user}\0{password}").as_bytes()).then_some(())
        });
        match known {
            Some(()) => SaslAuthenticateResponse::default(),
            None => self.refuse(ResponseError::SaslAuthenticationFailed.code(), call),
        }
    }

    fn refuse(&self, error: i16, _: &Call) -> SaslAuthenticateResponse {
        SaslAuthenticateResponse::default().with_error_code(error)
    }
}
