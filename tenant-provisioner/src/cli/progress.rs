//! What is going on, on standard error: a spinner on a terminal, plain lines elsewhere or nothing at all.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use freehold_catalog::OperationKind;
use freehold_ids::OperationId;
use freehold_provisioner::{Phase, StepEvent};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::write_to;

/// Where progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A spinner on a terminal, otherwise nothing: for commands whose answer says it all.
    TerminalOnly,
    /// A spinner on a terminal, otherwise a line per step: for `dev`, whose output is often a log.
    Lines,
}

/// A sequence of steps.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    started: Instant,
}

impl Progress {
    pub(crate) fn new(style: Style) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = is_terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is a constant"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar, lines: style == Style::Lines, started: Instant::now() }
    }

    /// A bar on a terminal that counts things of which there are so many.
    pub(crate) fn counting(n: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(n as u64);
            bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").expect("the template is a constant"));
            bar
        });
        Self { bar, lines: false, started: Instant::now() }
    }

    /// One more is done.
    pub(crate) fn count(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// A step begins.
    pub(crate) fn begin(&mut self, step: &str) {
        self.started = Instant::now();
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{step} …"));
        }
    }

    /// The step is done; `outcome` says what there is now.
    pub(crate) fn done(&self, outcome: &str) {
        if self.lines {
            let seconds = self.started.elapsed().as_secs_f32();
            self.line(&format!("  ok  {outcome} ({seconds:.1} s)"));
        }
    }

    /// A line above the spinner.
    pub(crate) fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| write_to(std::io::stderr().lock(), text)),
            None => write_to(std::io::stderr().lock(), text),
        }
    }

    /// The current step's state, or what is counted now, on a terminal.
    pub(crate) fn message(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows a saga's steps.
#[derive(Debug)]
pub(crate) struct SagaProgress(Option<Progress>);

impl SagaProgress {
    pub(crate) fn new(progress: Progress) -> Self {
        Self(Some(progress))
    }

    /// For a saga that is one step of something larger.
    pub(crate) fn quiet() -> Self {
        Self(None)
    }
}

impl freehold_provisioner::Progress for SagaProgress {
    fn operation(&self, id: OperationId, kind: OperationKind) {
        tracing::info!(operation.id = %id, "{kind} runs as operation {id}");
    }

    fn step(&self, event: &StepEvent) {
        let what = match event.phase {
            Phase::Started | Phase::Done | Phase::Skipped => event.title.to_owned(),
            Phase::Failed => format!("{}: failed", event.title),
            Phase::Undoing | Phase::Undone => format!("undoing: {}", event.title),
            Phase::Waiting => "another process is at it; waiting".to_owned(),
        };
        if let Some(progress) = &self.0 {
            progress.message(&format!("[{}/{}] {what}", event.number, event.of));
        }
    }
}
