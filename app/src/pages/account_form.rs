//! What the forms before the chat share: the name, the question before kept messages go, and the way to a recovery code.

use leptos::html::Input;
use leptos::prelude::*;
use sotto_client_api::RecoveryCode;
use sotto_protocol::UserName;

use super::recovery_code::RecoveryStep;
use crate::context::{AppContext, use_app};
use crate::widgets::{Erase, EraseGuard, EraseQuestion, Form, Job, SubmitButton, Task, Words, follow, value_of};
use crate::wording;

/// What such a form does, from the click to the end.
#[derive(Clone, Copy)]
pub(super) struct AccountFlow {
    app: AppContext,
    pub(super) task: Task,
    guard: EraseGuard,
    /// Set while the page shows a recovery code instead of the form.
    code: RwSignal<Option<RecoveryCode>>,
    pub(super) name_node: NodeRef<Input>,
    /// What stands in the name's input.
    pub(super) name: RwSignal<String>,
}

impl AccountFlow {
    pub(super) fn new(guard: EraseGuard) -> Self {
        Self {
            app: use_app(),
            task: Task::new(),
            guard,
            code: RwSignal::new(None),
            name_node: NodeRef::new(),
            name: RwSignal::new(String::new()),
        }
    }

    /// Does what `prepare` makes of the name, or shows its refusal. The person is asked before anybody's messages go by it.
    pub(super) fn submit(self, prepare: impl FnOnce(UserName) -> Result<Job, &'static str>) {
        match self.typed_name() {
            Ok(name) => match prepare(name.clone()) {
                Ok(job) => self.begin(name, job),
                Err(words) => self.task.refuse(words.to_owned()),
            },
            Err(words) => self.task.refuse(words),
        }
    }

    /// Like [`Self::submit`], for a job that makes a recovery code: it gets the signal that shows one, and the page stays while
    /// the job goes on and for as long as the code is shown.
    pub(super) fn submit_for_code(self, prepare: impl FnOnce(UserName, RwSignal<Option<RecoveryCode>>) -> Result<Job, &'static str>) {
        self.submit(|name| prepare(name, self.code).map(|job| self.holding(job)));
    }

    /// The form, then the code.
    pub(super) fn then_code(self, form: impl Fn() -> AnyView + Send + 'static) -> AnyView {
        (move || match self.code.get() {
            None => form(),
            Some(code) => view! { <RecoveryStep code task=self.task/> }.erase(),
        })
        .into_any()
    }

    fn typed_name(self) -> Result<UserName, String> {
        UserName::parse(&value_of(self.name_node)).map_err(wording::error)
    }

    fn begin(self, name: UserName, job: Job) {
        self.task.run(async move { if self.guard.passes(self.app, &name).await { job.await } else { Ok(()) } });
    }

    fn holding(self, job: Job) -> Job {
        Box::pin(async move {
            let held = self.app.state.held;
            held.set(true);
            let outcome = job.await;
            if self.code.try_get_untracked().flatten().is_none() {
                held.set(false);
            }
            outcome
        })
    }
}

/// The form: the name, what else is asked for, the question before anybody's messages go, and the button.
#[component]
pub(super) fn AccountForm(
    flow: AccountFlow,
    on_submit: Callback<()>,
    name_id: &'static str,
    name_testid: &'static str,
    /// Where the name is new: the id of the hint that judges it at every key.
    #[prop(optional)]
    hint_id: Option<&'static str>,
    submit_testid: &'static str,
    words: Words,
    children: Children,
) -> impl IntoView {
    view! {
        <Form task=flow.task on_submit>
            <NameField flow id=name_id testid=name_testid hint_id/>
            {children()}
            <EraseQuestion guard=flow.guard typed=Callback::new(move |()| flow.typed_name().ok()) on_yes=on_submit/>
            <SubmitButton task=flow.task testid=submit_testid words/>
        </Form>
    }
    .erase()
}

#[component]
fn NameField(flow: AccountFlow, id: &'static str, testid: &'static str, hint_id: Option<&'static str>) -> impl IntoView {
    let AccountFlow { name, name_node, guard, .. } = flow;
    follow(name_node, name);
    let on_typed = move |_| {
        name.set(value_of(name_node));
        guard.withdraw();
    };
    let is_bad = move || name.with(|typed| typed.chars().count() >= UserName::MIN && UserName::parse(typed).is_err());
    let words = move || {
        name.with(|typed| match UserName::parse(typed) {
            _ if typed.is_empty() => "3 to 32 of a to z, 0 to 9, _ and -. No mail address, no phone number.".to_owned(),
            Ok(name) => format!("You will be {name}."),
            Err(code) => wording::error(code),
        })
    };
    view! {
        <div class="field">
            <label for=id>"User name"</label>
            <input
                id=id
                class="mono"
                node_ref=name_node
                data-testid=testid
                type="text"
                autocomplete="username"
                autocapitalize="off"
                spellcheck="false"
                required
                aria-describedby=hint_id
                aria-invalid=move || hint_id.map(|_| is_bad().to_string())
                on:input=on_typed
            />
            {hint_id.map(|id| view! { <p id=id class="hint" role="status">{words}</p> }.erase())}
        </div>
    }
    .erase()
}
