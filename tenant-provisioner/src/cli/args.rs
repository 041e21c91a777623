//! What may be typed. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use freehold_ids::{PlanName, Slug};
use uuid::Uuid;

use super::duration::{Age, Retention, Ttl};
use super::output::OutputFormat;

/// One schema file becomes a GraphQL API; every organisation gets a PostgreSQL database of its own.
#[derive(Debug, Parser)]
#[command(
    name = "freehold",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Start with `freehold dev`: a whole installation on this machine, with two organisations in it.\n\
                  Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 partly done, 8 needs confirmation, \
                  9 try again later, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// File that describes the installation to work on. Without it, the nearest `.freehold/dev.json` upwards from here.
    #[arg(long, global = true, env = "FREEHOLD_CONTEXT", value_name = "FILE")]
    pub(crate) context: Option<PathBuf>,
    /// Form of the answer.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: OutputFormat,
    /// Tell more of what happens; twice for even more.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create, look at, suspend and delete tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Say what tenants of a kind are given.
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Check, convert, print and release content schemas.
    #[command(subcommand)]
    Schema(SchemaCommand),
    /// Register the documents that a tenant's clients may name by id, and that it may accept alone.
    #[command(subcommand)]
    Documents(DocumentsCommand),
    /// Make tokens for callers of the content API.
    #[command(subcommand)]
    Token(TokenCommand),
    /// Add and check the PostgreSQL servers that carry tenants.
    #[command(subcommand)]
    Server(ServerCommand),
    /// Seal, verify and prune tenants' event logs.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look for what is wrong with the installation, and say what to do about it.
    Doctor,
    /// Run a whole installation on this machine: PostgreSQL, S3, engine, image service, two organisations.
    Dev(DevArgs),
}

/// `freehold tenant …`
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Give a new organisation a database of its own, in one command.
    ///
    /// Killed in the middle, it is finished or undone by running it again: there is never half a tenant.
    Create {
        /// The tenant's name in URLs: 2 to 40 of a-z, 0-9 and single dashes, starting with a letter.
        slug: Slug,
        /// Its content schema: SDL (.graphql) or JSON (.json).
        #[arg(long, value_name = "FILE", required_unless_present = "undo")]
        schema: Option<PathBuf>,
        /// SQL that fills the new database; run once, as the tenant's own role.
        #[arg(long, value_name = "FILE")]
        seed: Option<PathBuf>,
        /// Name of the server that shall carry it; without it, the one with most room.
        #[arg(long, value_name = "NAME")]
        server: Option<String>,
        /// Most connections that it may hold at once.
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
        max_connections: u32,
        /// The plan that it has, one of `freehold plan list`.
        #[arg(long, value_name = "NAME")]
        plan: Option<PlanName>,
        /// Take back an unfinished creation instead of finishing it.
        #[arg(long, conflicts_with_all = ["schema", "seed", "server", "max_connections", "plan"])]
        undo: bool,
    },
    /// List all tenants.
    #[command(visible_alias = "ls")]
    List {
        /// Also the deleted ones, whose names stay reserved.
        #[arg(long)]
        deleted: bool,
    },
    /// Show one tenant: state, place, schema release, operations.
    Show {
        /// The tenant's name.
        slug: Slug,
    },
    /// Refuse all requests for a tenant; its data stays untouched.
    Suspend {
        /// The tenant's name.
        slug: Slug,
        /// Recorded in the audit log.
        #[arg(long, value_enum, default_value_t = Reason::Maintenance)]
        reason: Reason,
    },
    /// Let a suspended tenant serve again.
    Resume {
        /// The tenant's name.
        slug: Slug,
    },
    /// Say which documents a tenant's API runs: any, or only registered ones. Takes effect in about a second.
    Documents {
        /// The tenant's name.
        slug: Slug,
        /// Which documents.
        #[arg(long, value_enum, value_name = "WHICH")]
        accept: Accept,
        /// Tell what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Put a tenant on a plan, or on none.
    Plan {
        /// The tenant's name.
        slug: Slug,
        /// The plan's name, one of `freehold plan list`.
        #[arg(value_name = "NAME", required_unless_present = "none")]
        plan: Option<PlanName>,
        /// On none: its event log is kept for ever.
        #[arg(long, conflicts_with = "plan")]
        none: bool,
        /// Tell what would change, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Delete a tenant for good: its database, roles, keys. Asks for the name.
    Delete {
        /// The tenant's name.
        slug: Slug,
        /// The name again, instead of being asked for it.
        #[arg(long, value_name = "SLUG")]
        confirm: Option<String>,
    },
}

/// `freehold plan …`
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    /// Make a plan, or change it for every tenant that has it.
    Set {
        /// The plan's name: 1 to 40 of a-z, 0-9 and single dashes, starting with a letter.
        name: PlanName,
        /// How long event logs are kept, `30d` or `forever`. `freehold audit prune --all` deletes what is older.
        #[arg(long, value_name = "DAYS|forever")]
        keep_events: Retention,
    },
    /// List the plans, and how many tenants have each.
    #[command(visible_alias = "ls")]
    List,
}

/// Why a tenant is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Reason {
    /// Unpaid.
    Billing,
    /// Broke the rules.
    Abuse,
    /// Nobody uses it.
    Idle,
    /// An operator works on it.
    Maintenance,
    /// Used more than it may.
    Quota,
}

/// Which documents a tenant's API runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Accept {
    /// Whatever a caller sends.
    Any,
    /// Only documents of `freehold documents add`, named by id or sent as they are.
    Trusted,
}

/// `freehold documents …`
#[derive(Debug, Subcommand)]
pub(crate) enum DocumentsCommand {
    /// Register documents for a tenant, all or none. What is registered already stays as it is.
    ///
    /// A document's id is the SHA-256 of its text. The id of a manifest names it, too.
    Add {
        /// The tenant's name.
        #[arg(long, value_name = "SLUG")]
        tenant: Slug,
        /// One document (.graphql), byte for byte as clients send it, or a manifest (.json) of Apollo, Relay or GraphQL Code Generator.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Tell what would be added, and add nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// List a tenant's registered documents.
    #[command(visible_alias = "ls")]
    List {
        /// The tenant's name.
        #[arg(long, value_name = "SLUG")]
        tenant: Slug,
    },
    /// Remove a registered document, with all its ids. Takes effect in about a second.
    #[command(visible_alias = "rm")]
    Remove {
        /// The tenant's name.
        #[arg(long, value_name = "SLUG")]
        tenant: Slug,
        /// Any id of the document.
        id: String,
        /// Tell what would be removed, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// `freehold audit …`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Recompute the chain of hashes over a tenant's sealed events, and name the first entry that is not as it was sealed.
    Verify {
        /// The tenant's name.
        slug: Slug,
        /// A head that was exported earlier: a file with the output of `freehold audit head`, of one or all tenants, or POSITION:HASH. Shows also what was cut off at the end.
        #[arg(long, value_name = "FILE|POSITION:HASH")]
        head: Option<String>,
    },
    /// Print the last sealed entry, POSITION:HASH, to be kept outside of the database.
    Head {
        /// The tenant's name.
        #[arg(required_unless_present = "all")]
        slug: Option<Slug>,
        /// Of every tenant; with `--output json` one document, which `verify --head` reads.
        #[arg(long, conflicts_with = "slug")]
        all: bool,
    },
    /// Seal everything that is committed. The engine does so by itself a moment after a write.
    Seal {
        /// The tenant's name.
        slug: Slug,
    },
    /// Delete the oldest sealed events: those that the tenant's plan does not keep any longer. The rest stays verifiable.
    Prune {
        /// The tenant's name.
        #[arg(required_unless_present = "all")]
        slug: Option<Slug>,
        /// How old they must be, `90d` or `12h`, whatever the plan says.
        #[arg(long, value_name = "DURATION", conflicts_with = "all")]
        older_than: Option<Age>,
        /// Of every tenant, each by its plan; for a scheduler, once a day. Interrupted, the next run goes on.
        #[arg(long, conflicts_with = "slug")]
        all: bool,
    },
}

/// `freehold schema …`
#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Report every mistake in schema files.
    Check {
        /// SDL (.graphql) or JSON (.json); each file is one whole schema.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Register a schema as a release that tenants can be brought to.
    Release {
        /// SDL (.graphql) or JSON (.json).
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the GraphQL API that a role gets from a schema, as SDL.
    ///
    /// It has the fields for signed addresses of objects when a role has `s3` rules; an engine without a bucket leaves them out.
    Print {
        /// SDL (.graphql) or JSON (.json).
        #[arg(long, value_name = "FILE")]
        schema: PathBuf,
        /// Whose API; repeat it for a caller with several roles.
        #[arg(long, required = true, value_name = "ROLE")]
        role: Vec<String>,
    },
    /// Print a schema in its other form: SDL as JSON, JSON as SDL.
    Convert {
        /// SDL (.graphql) or JSON (.json).
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The form to print; without it, the other one.
        #[arg(long, value_enum, value_name = "FORM")]
        to: Option<SchemaForm>,
    },
    /// Print the definitions of all directives that a schema may use, for editors and linters.
    Directives,
}

/// How a schema is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaForm {
    /// GraphQL's schema language.
    Sdl,
    /// JSON.
    Json,
}

/// `freehold token …`
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a caller of one tenant's API.
    Create {
        /// The tenant's name.
        #[arg(long, value_name = "SLUG")]
        tenant: Slug,
        /// A role of the tenant's schema; repeat it for several.
        #[arg(long, required = true, value_name = "ROLE")]
        role: Vec<String>,
        /// Value of a variable of the role, `name=value`; repeat it for more values or variables.
        #[arg(long, value_name = "NAME=VALUE")]
        variable: Vec<String>,
        /// How long it is good for: `90s`, `15m`, `1h`, `30d`.
        #[arg(long, default_value = "1h", value_name = "DURATION")]
        ttl: Ttl,
        /// Who the caller is; without it, a new identity.
        #[arg(long, value_name = "UUID")]
        subject: Option<Uuid>,
    },
}

/// `freehold server …`
#[derive(Debug, Subcommand)]
pub(crate) enum ServerCommand {
    /// Make a PostgreSQL server known, so that tenants can be placed on it.
    Add {
        /// `postgres://` address of an administrator (CREATEDB and CREATEROLE); `-` reads it from standard input, where no other user of this machine sees the password.
        #[arg(value_name = "URL")]
        url: String,
        /// Name for operators; without it, the host's name.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Most tenant databases it takes.
        #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
        max_databases: u32,
        /// Connections to keep free for administrators and backups.
        #[arg(long, value_name = "N", default_value_t = 20)]
        reserved_connections: u32,
    },
    /// List the servers and how full they are.
    #[command(visible_alias = "ls")]
    List,
    /// Log in to the servers as their administrator and look at them.
    Check {
        /// Name of one server; without it, all.
        name: Option<String>,
    },
}

/// `freehold dev …`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DevArgs {
    #[command(flatten)]
    pub(crate) options: DevOptions,
    #[command(subcommand)]
    pub(crate) action: Option<DevAction>,
}

/// How the installation runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct DevOptions {
    /// Return once everything is ready, and keep it running in the background.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Where its data, keys and logs are.
    #[arg(long, global = true, env = "FREEHOLD_DEV_DIR", default_value = ".freehold", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Port of the engine; without it, the last one or a free one.
    #[arg(long, env = "FREEHOLD_ENGINE_PORT", value_name = "PORT")]
    pub(crate) engine_port: Option<u16>,
    /// Port of the image service; without it, the last one or a free one.
    #[arg(long, env = "FREEHOLD_IMAGES_PORT", value_name = "PORT")]
    pub(crate) images_port: Option<u16>,
    /// Set for the process that `--detach` leaves behind.
    #[arg(long, hide = true)]
    pub(crate) detached: bool,
}

/// What else can be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum DevAction {
    /// Stop the installation that runs in the background, or in another terminal. Its data stays.
    Stop,
    /// Stop it and delete its data, keys and logs.
    Reset,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_consistent_and_every_command_has_a_help_text() {
        Cli::command().debug_assert();
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} has no help text", command.get_name());
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{} of {} has no help text", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
