//! Choosing a picture: a small square is made of it here, and nothing else of the file is used.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sotto_protocol::{Bytes, limits};

use super::flow::{Erase, Show};
use crate::context::use_app;
use crate::state::data_url;

/// A file input for a picture, with what is chosen and a way to be without one. `picture` holds a JPEG, empty for none.
#[component]
pub(crate) fn PictureField(
    id: &'static str,
    label: &'static str,
    picture: RwSignal<Vec<u8>>,
    /// Told after the person chose another one or none.
    #[prop(into)]
    on_choice: Callback<Vec<u8>>,
) -> impl IntoView {
    let app = use_app();
    let (unfit, set_unfit) = signal(false);
    let chosen = move |_| {
        spawn_local(async move {
            let Some(made) = app.platform.with(None, |browser| Some(browser.small_picture(id, limits::PICTURE))) else { return };
            let jpeg = made.await.and_then(|text| Bytes::from_base64(&text));
            let _gone = set_unfit.try_set(jpeg.is_none());
            if let Some(Bytes(jpeg)) = jpeg {
                let _gone = picture.try_set(jpeg.clone());
                on_choice.run(jpeg);
            }
        });
    };
    let remove = move |_| {
        picture.set(Vec::new());
        on_choice.run(Vec::new());
    };
    view! {
        <div class="field">
            <div class="picture-row">
                {move || data_url(picture.get()).map(|address| view! { <img class="avatar" src=address alt="The chosen picture"/> }.erase())}
                // The input itself looks otherwise in every browser; its label is drawn in its place.
                <input id=id class="sr-only" data-testid=id type="file" accept="image/*" on:change=chosen/>
                <label class="button" for=id>{label}</label>
                <Show when=move || !picture.with(Vec::is_empty)>
                    <button class="button" type="button" data-testid=format!("{id}-remove") on:click=remove>"Remove"</button>
                </Show>
            </div>
            <Show when=move || unfit.get()>
                <p class="hint" role="alert">"This browser can’t read that as a picture. Choose another one."</p>
            </Show>
        </div>
    }
    .erase()
}
