//! Why a request gets no image: one table of statuses and codes.

use actix_web::http::StatusCode;
use freehold_tokens::image::ImageError;

use crate::pipeline::PipelineError;

/// Every way in which a request fails. Cheap to clone: all who wait for the same image get the same answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Another path than the service's own.
    #[error("there is nothing at this address; image URLs start with /i/")]
    NoRoute,
    /// Neither GET nor HEAD.
    #[error("images are read with GET or HEAD")]
    Method,
    /// Malformed address, or a token that does not fit it.
    #[error(transparent)]
    Address(#[from] ImageError),
    /// The tenant has no object of that key.
    #[error("there is no such image")]
    NotFound,
    /// An object that is no image on the list is not served at all.
    #[error("the stored object is no image of a format that is served")]
    NoImage,
    /// The asked range is outside of the object.
    #[error("the range is outside of the image's {size} bytes")]
    Range {
        /// Length of the object.
        size: u64,
    },
    /// The object is too long to be resized.
    #[error("the stored image has {bytes} bytes, more than the limit of {max} for resizing")]
    SourceTooLarge {
        /// Length of the object.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The pipeline refused the source or the result.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The queue is full, or waiting took too long.
    #[error("too many images are being made; try again")]
    Busy,
    /// The tenant's share of the queue is full.
    #[error("too many images of this tenant are being made; try again")]
    TenantBusy,
    /// The object store does not answer, or refuses this service.
    #[error("the object store is not available; try again")]
    Storage,
    /// A defect of this service.
    #[error("the image could not be made")]
    Internal,
}

impl Failure {
    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoRoute | Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Address(ImageError::Path(_) | ImageError::Operations(_)) => StatusCode::BAD_REQUEST,
            Self::Address(ImageError::Token(_)) => StatusCode::FORBIDDEN,
            Self::NoImage | Self::Pipeline(PipelineError::Unsupported(_)) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Range { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::SourceTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Pipeline(
                PipelineError::Damaged
                | PipelineError::TooManyPixels { .. }
                | PipelineError::TooManyScans { .. }
                | PipelineError::OutputTooLarge { .. },
            ) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TenantBusy => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Storage => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Published in `extensions.code`; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRoute => "NOT_FOUND",
            Self::Method => "METHOD_NOT_ALLOWED",
            Self::Address(error) => error.code(),
            Self::NotFound => "IMAGE_NOT_FOUND",
            Self::NoImage | Self::Pipeline(PipelineError::Unsupported(_)) => "IMAGE_FORMAT_UNSUPPORTED",
            Self::Range { .. } => "RANGE_NOT_SATISFIABLE",
            Self::SourceTooLarge { .. } => "IMAGE_TOO_LARGE",
            Self::Pipeline(PipelineError::Damaged) => "IMAGE_DAMAGED",
            Self::Pipeline(PipelineError::TooManyPixels { .. }) => "IMAGE_TOO_MANY_PIXELS",
            Self::Pipeline(PipelineError::TooManyScans { .. }) => "IMAGE_TOO_COMPLEX",
            Self::Pipeline(PipelineError::OutputTooLarge { .. }) => "IMAGE_OUTPUT_TOO_LARGE",
            Self::Busy => "IMAGES_BUSY",
            Self::TenantBusy => "TENANT_IMAGES_BUSY",
            Self::Storage => "STORAGE_UNAVAILABLE",
            Self::Internal => "INTERNAL_ERROR",
        }
    }

    /// Seconds after which to try again.
    #[must_use]
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy | Self::TenantBusy => Some(1),
            Self::Storage => Some(5),
            Self::NoRoute
            | Self::Method
            | Self::Address(_)
            | Self::NotFound
            | Self::NoImage
            | Self::Range { .. }
            | Self::SourceTooLarge { .. }
            | Self::Pipeline(_)
            | Self::Internal => None,
        }
    }
}
