//! The states that the catalogue stores as text, and how they may follow each other.

use std::fmt;

use serde::Serialize;

use crate::CatalogError;

macro_rules! text_enums {
    ($($(#[$doc:meta])* $name:ident in $column:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every variant, in the order of a life.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// As the catalogue stores it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)+
                }
            }

            pub(crate) fn parse(text: &str) -> Result<Self, CatalogError> {
                match text {
                    $($text => Ok($name::$variant),)+
                    _ => Err(CatalogError::Corrupt { column: $column, value: text.to_owned() }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

text_enums! {
    /// Where a tenant is in its life.
    TenantState in "tenant.state" {
        /// Being made; nothing may be routed to it.
        Provisioning = "provisioning",
        /// Its provisioning is being undone; the row vanishes at the end.
        Undoing = "undoing",
        /// Serving.
        Active = "active",
        /// Refused at the door; data untouched.
        Suspended = "suspended",
        /// Being deleted. No way back.
        Erasing = "erasing",
        /// Deleted; the row is the tombstone.
        Erased = "erased",
    }
    /// Why a tenant is suspended.
    SuspendReason in "tenant.state_reason" {
        /// Unpaid.
        Billing = "billing",
        /// Broke the rules.
        Abuse = "abuse",
        /// Nobody uses it.
        Idle = "idle",
        /// An operator works on it.
        Maintenance = "maintenance",
        /// Used more than it may.
        Quota = "quota",
    }
    /// Which documents a tenant's API runs.
    DocumentMode in "tenant.documents" {
        /// Whatever a caller sends.
        Any = "any",
        /// Only those registered for the tenant.
        Trusted = "trusted",
    }
    /// Whether a server takes tenants.
    ServerState in "server.state" {
        /// Takes new tenants.
        Active = "active",
        /// Takes no new tenants and is being emptied.
        Draining = "draining",
        /// Takes no new tenants for now.
        Paused = "paused",
        /// Gone.
        Retired = "retired",
    }
    /// What an operation does.
    OperationKind in "operation.kind" {
        /// Makes a tenant.
        Provision = "provision",
        /// Deletes a tenant.
        Deprovision = "deprovision",
    }
    /// Where an operation is.
    OperationState in "operation.state" {
        /// Steps go forward.
        Running = "running",
        /// Steps are undone.
        Undoing = "undoing",
        /// An undo failed: a person looks, then the operation is resumed.
        Stuck = "stuck",
        /// Every step is done.
        Succeeded = "succeeded",
        /// Every step that was done is undone.
        Undone = "undone",
    }
    /// Where a step of an operation is.
    StepState in "operation_step.state" {
        /// Started; whether it had its effect is unknown until its check ran.
        Doing = "doing",
        /// Its effect stands and its receipt is recorded.
        Done = "done",
        /// Being undone.
        Undoing = "undoing",
        /// Nothing of it is left.
        Undone = "undone",
        /// Failed; it will be undone.
        Failed = "failed",
    }
}

impl TenantState {
    /// Whether the engine may send requests to the tenant.
    #[must_use]
    pub fn is_routable(self) -> bool {
        self == Self::Active
    }

    /// Whether a tenant may go from this state to `next`.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Provisioning => matches!(next, Self::Active | Self::Undoing),
            Self::Active => matches!(next, Self::Suspended | Self::Erasing),
            Self::Suspended => matches!(next, Self::Active | Self::Erasing),
            Self::Erasing => matches!(next, Self::Erased),
            Self::Undoing | Self::Erased => false,
        }
    }
}

impl OperationState {
    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Undone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_the_catalogue() {
        for state in TenantState::ALL {
            assert_eq!(TenantState::parse(state.as_str()).ok(), Some(*state));
        }
        assert_eq!(TenantState::parse("asleep").map_err(|error| error.code()), Err("CATALOG_CORRUPT"));
    }

    #[test]
    fn tenants_only_move_along_the_allowed_transitions() {
        let allowed: Vec<String> = TenantState::ALL
            .iter()
            .flat_map(|from| TenantState::ALL.iter().filter(|to| from.may_become(**to)).map(move |to| format!("{from} -> {to}")))
            .collect();
        assert_eq!(
            allowed,
            [
                "provisioning -> undoing",
                "provisioning -> active",
                "active -> suspended",
                "active -> erasing",
                "suspended -> active",
                "suspended -> erasing",
                "erasing -> erased",
            ]
        );
    }
}
