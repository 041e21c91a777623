//! `GET` and `HEAD /i/…`: verify, then the original's bytes or a variant.

use actix_web::body::SizedStream;
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use chrono::Utc;
use freehold_tokens::image::{ImageRequest, Operations, Resize, verify};
use futures_util::stream;

use super::conditions::{self, Asked};
use super::{Service, answer};
use crate::error::Failure;
use crate::media::{Media, SNIFF_BYTES};
use crate::storage::{Body, Conditional, Object};
use crate::variants::VariantKey;

/// For the log: the parts of an address that are no secret.
#[derive(Clone)]
pub(super) struct Verified {
    pub tenant: String,
    pub operations: String,
}

pub(super) async fn get(service: &Service, http: &HttpRequest) -> Result<HttpResponse, Failure> {
    let is_head = http.method() == Method::HEAD;
    if !is_head && http.method() != Method::GET {
        return Err(Failure::Method);
    }
    let now = Utc::now();
    // Path and query exactly as sent: a token is for bytes, not for what they might mean.
    let address = http.uri().path_and_query().map_or("", |address| address.as_str());
    let request = verify(&service.keys, address, now)?;
    let verified = Verified { tenant: request.tenant.to_string(), operations: request.operations.to_string() };
    http.extensions_mut().insert(verified);
    let cache_control = answer::cache_control(request.expires_at, now, service.max_age_seconds);
    let exchange = Exchange { service, http, request: &request, cache_control, is_head };
    match request.operations {
        Operations::Original => exchange.original().await,
        Operations::Resize(resize) => exchange.variant(resize).await,
    }
}

/// A verified request and all that its answer depends on.
struct Exchange<'a> {
    service: &'a Service,
    http: &'a HttpRequest,
    request: &'a ImageRequest,
    cache_control: String,
    is_head: bool,
}

impl Exchange<'_> {
    async fn variant(&self, resize: Resize) -> Result<HttpResponse, Failure> {
        let key = VariantKey::new(self.request, resize);
        let etag = key.etag();
        if self.is_known(&etag) {
            return Ok(self.not_modified(&etag));
        }
        let bytes = self.service.variants.get(self.request, key).await?;
        let mut builder = HttpResponse::Ok();
        answer::image_head(&mut builder, self.request, Some(&etag), &self.cache_control);
        // For HEAD the server sends the length and leaves the bytes out.
        Ok(builder.content_type(resize.format().media_type()).body(bytes))
    }

    /// One request to the store for the common case; two for `HEAD` and ranges, whose media type must be known first.
    async fn original(&self) -> Result<HttpResponse, Failure> {
        if self.is_head || self.http.headers().contains_key(header::RANGE) {
            return self.original_by_start().await;
        }
        let if_none_match = self.header(&header::IF_NONE_MATCH);
        let object = match self.service.storage.open(&self.request.object, if_none_match).await? {
            Conditional::Given(object) => object,
            // The browser named the entity tag, or several: it keeps the one it has.
            Conditional::NotModified => {
                return Ok(self.not_modified(if_none_match.filter(|tags| !tags.contains([',', '*'])).unwrap_or("")));
            }
        };
        if let Some(etag) = object.etag.as_deref().filter(|etag| self.is_known(etag)) {
            return Ok(self.not_modified(etag));
        }
        let (length, etag) = (object.length, object.etag.clone());
        let (start, body) = start_of(object).await?;
        let media = Media::sniff(&start).ok_or(Failure::NoImage)?;
        let mut builder = self.original_head(StatusCode::OK, etag.as_deref(), media);
        Ok(builder.body(SizedStream::new(length, pieces(Some(start), body))))
    }

    async fn original_by_start(&self) -> Result<HttpResponse, Failure> {
        let start = self.service.storage.start(&self.request.object).await?;
        let media = Media::sniff(&start.bytes).ok_or(Failure::NoImage)?;
        let etag = start.etag.as_deref();
        if let Some(etag) = etag.filter(|etag| self.is_known(etag)) {
            return Ok(self.not_modified(etag));
        }
        if self.is_head {
            let mut builder = self.original_head(StatusCode::OK, etag, media);
            return Ok(builder.body(SizedStream::new(start.size, stream::empty::<Result<Bytes, Failure>>())));
        }
        let may_continue =
            self.header(&header::IF_RANGE).is_none_or(|state| etag.is_some_and(|etag| conditions::is_same_state(state, etag)));
        let asked = self
            .header(&header::RANGE)
            .filter(|_| may_continue)
            .map_or(Asked::Whole, |range| conditions::range(range, start.size));
        let (status, first, last) = match asked {
            Asked::Outside => return Err(Failure::Range { size: start.size }),
            Asked::Part(first, last) => (StatusCode::PARTIAL_CONTENT, first, last),
            // Sniffed, so it has at least a byte.
            Asked::Whole => (StatusCode::OK, 0, start.size.saturating_sub(1)),
        };
        let object = self.service.storage.open_range(&self.request.object, first, last).await?;
        if object.etag != start.etag {
            // Replaced between the two requests: what was sniffed is not what would be sent.
            return Err(Failure::Storage);
        }
        let mut builder = self.original_head(status, etag, media);
        if status == StatusCode::PARTIAL_CONTENT {
            builder.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", start.size)));
        }
        Ok(builder.body(SizedStream::new(object.length, pieces(None, object.body))))
    }

    fn original_head(&self, status: StatusCode, etag: Option<&str>, media: Media) -> actix_web::HttpResponseBuilder {
        let mut builder = HttpResponse::build(status);
        answer::image_head(&mut builder, self.request, etag, &self.cache_control);
        builder.content_type(media.media_type()).insert_header((header::ACCEPT_RANGES, "bytes"));
        builder
    }

    fn not_modified(&self, etag: &str) -> HttpResponse {
        let mut builder = HttpResponse::NotModified();
        answer::image_head(&mut builder, self.request, Some(etag).filter(|etag| !etag.is_empty()), &self.cache_control);
        builder.finish()
    }

    fn is_known(&self, etag: &str) -> bool {
        self.header(&header::IF_NONE_MATCH).is_some_and(|list| conditions::names_etag(list, etag))
    }

    fn header(&self, name: &header::HeaderName) -> Option<&str> {
        self.http.headers().get(name).and_then(|value| value.to_str().ok())
    }
}

/// Enough of an object to know what it is, and the rest.
async fn start_of(mut object: Object) -> Result<(Bytes, Body), Failure> {
    let mut start = BytesMut::new();
    while start.len() < SNIFF_BYTES {
        match object.body.next().await {
            Some(piece) if start.is_empty() => start = BytesMut::from(piece?),
            Some(piece) => start.extend_from_slice(&piece?),
            None => break,
        }
    }
    Ok((start.freeze(), object.body))
}

/// An error in the middle ends the connection before the announced length is reached: the browser knows that it has not all.
fn pieces(start: Option<Bytes>, body: Body) -> impl stream::Stream<Item = Result<Bytes, Failure>> {
    stream::unfold((start, body), |(start, mut body)| async move {
        let piece = match start {
            Some(start) => Some(Ok(start)),
            None => body.next().await,
        };
        piece.map(|piece| (piece, (None, body)))
    })
}
