//! What a form does when it is sent: one thing at a time, and a sentence when it fails. Here once, since the future of every
//! form would be compiled anew with it.

use core::future::Future;
use core::pin::Pin;

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::context::use_app;
use crate::flows::Failure;
use crate::state::ProgressView;

/// What is to be done.
pub(crate) type Job = Pin<Box<dyn Future<Output = Result<(), Failure>>>>;

/// The one task of a form; copies are one task.
#[derive(Clone, Copy)]
pub(crate) struct Task {
    /// Whether it goes on.
    pub(crate) busy: RwSignal<bool>,
    /// Why it failed, or was not begun.
    pub(crate) error: RwSignal<Option<String>>,
    progress: RwSignal<Option<ProgressView>>,
}

impl Task {
    /// A task that nobody has begun.
    pub(crate) fn new() -> Self {
        Self { busy: RwSignal::new(false), error: RwSignal::new(None), progress: use_app().state.progress }
    }

    /// Does the job, unless one goes on.
    pub(crate) fn run(self, job: impl Future<Output = Result<(), Failure>> + 'static) {
        self.begin(Box::pin(job));
    }

    /// Says why nothing begins.
    pub(crate) fn refuse(self, words: String) {
        if !self.busy.get_untracked() {
            self.error.set(Some(words));
        }
    }

    /// Words of the button that begins it.
    pub(crate) fn words(self, idle: &'static str, busy: &'static str) -> Words {
        Box::new(move || if self.busy.get() { busy } else { idle })
    }

    fn begin(self, job: Job) {
        if self.busy.get_untracked() {
            return;
        }
        self.error.set(None);
        self.busy.set(true);
        spawn_local(async move {
            let outcome = job.await;
            self.progress.set(None);
            // The form may be gone by now.
            let _gone = self.busy.try_set(false);
            if let Err(failure) = outcome {
                let _gone = self.error.try_set(Some(failure.sentence()));
            }
        });
    }
}

/// Words that change.
pub(crate) type Words = Box<dyn Fn() -> &'static str + Send>;
