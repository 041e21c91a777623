//! Answers in gzip, for clients that take it.

use actix_http::encoding::Encoder;
use actix_web::HttpMessage;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{AcceptEncoding, ContentEncoding, Encoding};

/// Bytes of the smallest answer that is compressed. Smaller ones fit into one packet as they are, and compressing one of 56 bytes to 79 took a fifth of
/// the engine's time for it. (actix-web's own middleware compresses everything.)
const SMALLEST: u64 = 1024;

/// The same answer, compressed where that is worth it.
pub fn compressed<B: MessageBody>(response: ServiceResponse<B>) -> ServiceResponse<Encoder<B>> {
    let is_large = match response.response().body().size() {
        BodySize::None => false,
        BodySize::Sized(bytes) => bytes >= SMALLEST,
        BodySize::Stream => true,
    };
    let encoding = if is_large && accepts_gzip(&response) { ContentEncoding::Gzip } else { ContentEncoding::Identity };
    response.map_body(|head, body| Encoder::response(encoding, head, body))
}

fn accepts_gzip<B>(response: &ServiceResponse<B>) -> bool {
    let accepted = response.request().get_header::<AcceptEncoding>();
    let offered = [Encoding::gzip(), Encoding::identity()];
    accepted.and_then(|accepted| accepted.negotiate(offered.iter())) == Some(Encoding::gzip())
}
