//! Fails fast while a server is down, so that its tenants' requests do not pile up and other servers' tenants do not notice.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Failures in a row after which nothing is tried for a while.
const FAILURES_TO_OPEN: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Closed: everything passes. Open: nothing does. Half-open: one request passes and decides.
#[derive(Debug)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    failures: u32,
    pause: Duration,
    /// Set while open or half-open.
    opened: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    retry_at: Instant,
    /// When the request that tries the server was let through.
    probing_since: Option<Instant>,
}

/// What a breaker says to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Go on; this request decides whether the server is back.
    Probe,
    /// Come back later.
    Refuse {
        /// When the server is tried again.
        retry_after: Duration,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: Mutex::new(State { failures: 0, pause: FIRST_PAUSE, opened: None }) }
    }
}

impl Breaker {
    /// Whether a request may try the server now. A request that was told to [`Verdict::Probe`] and never reported is replaced after the longest pause.
    pub fn admit(&self, now: Instant) -> Verdict {
        let mut state = self.lock();
        let Some(opened) = &mut state.opened else { return Verdict::Pass };
        let probe_is_out = opened.probing_since.is_some_and(|since| now.duration_since(since) < LONGEST_PAUSE);
        if now < opened.retry_at {
            return Verdict::Refuse { retry_after: opened.retry_at - now };
        }
        if probe_is_out {
            return Verdict::Refuse { retry_after: FIRST_PAUSE };
        }
        opened.probing_since = Some(now);
        Verdict::Probe
    }

    /// The server answered.
    pub fn success(&self) {
        let mut state = self.lock();
        if state.failures > 0 || state.opened.is_some() {
            *state = State { failures: 0, pause: FIRST_PAUSE, opened: None };
        }
    }

    /// The server could not be reached.
    pub fn failure(&self, now: Instant) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        match state.opened.as_ref().map(|opened| opened.probing_since.is_some()) {
            // The probe failed: wait longer before the next.
            Some(true) => {
                let pause = (state.pause * 2).min(LONGEST_PAUSE);
                state.pause = pause;
                state.opened = Some(Opened { retry_at: now + pause, probing_since: None });
            }
            // A request that had passed before the breaker opened.
            Some(false) => {}
            None if state.failures >= FAILURES_TO_OPEN => {
                state.opened = Some(Opened { retry_at: now + state.pause, probing_since: None });
            }
            None => {}
        }
    }

    /// The server hangs: stops trying at once, without waiting for more failures.
    pub fn trip(&self, now: Instant) {
        let mut state = self.lock();
        state.failures = FAILURES_TO_OPEN;
        drop(state);
        self.failure(now);
    }

    /// Whether requests are being refused or one is trying.
    pub fn is_open(&self) -> bool {
        self.lock().opened.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_open_it_and_one_success_closes_it() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        breaker.failure(start);
        breaker.failure(start);
        breaker.success();
        breaker.failure(start);
        breaker.failure(start);
        assert_eq!(breaker.admit(start), Verdict::Pass);
        breaker.failure(start);
        assert_eq!(breaker.admit(start), Verdict::Refuse { retry_after: FIRST_PAUSE });

        let later = start + FIRST_PAUSE;
        assert_eq!(breaker.admit(later), Verdict::Probe);
        assert!(matches!(breaker.admit(later), Verdict::Refuse { .. }), "only one request tries the server");
        breaker.success();
        assert_eq!(breaker.admit(later), Verdict::Pass);
    }

    #[test]
    fn each_failed_probe_doubles_the_pause_up_to_the_longest() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        breaker.trip(now);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let Verdict::Refuse { retry_after } = breaker.admit(now) else { panic!("open") };
            pauses.push(retry_after.as_millis());
            now += retry_after;
            assert_eq!(breaker.admit(now), Verdict::Probe);
            breaker.failure(now);
        }
        assert_eq!(pauses, [500, 1000, 2000, 4000, 8000, 10000, 10000]);
    }

    #[test]
    fn a_probe_that_never_reports_is_replaced() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.trip(now);
        let now = now + FIRST_PAUSE;
        assert_eq!(breaker.admit(now), Verdict::Probe);
        assert_eq!(breaker.admit(now + LONGEST_PAUSE), Verdict::Probe);
    }
}
