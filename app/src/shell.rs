//! The HTML document around the app. Rendered on the server only; the page's module hydrates what stands in `<body>`.

use leptos::nonce::use_nonce;
use leptos::prelude::*;

use crate::App;
use crate::assets::Assets;
use crate::route::Route;
use crate::state::FirstPage;

/// Marks the document when its module script does not load; `style/front.css` then shows the sentence that waits in the body.
const ON_SCRIPT_ERROR: &str =
    r#"addEventListener("error",e=>{if(e.target.localName==="script")document.documentElement.dataset.boot="failed"},true)"#;

/// The document. [`Assets`] and [`FirstPage`] come from context.
pub fn shell() -> impl IntoView {
    let assets = use_context::<Assets>().unwrap_or_default();
    let first = use_context::<FirstPage>().unwrap_or_default();
    // The page names itself anew once it is live.
    let title = match first.route {
        Route::Home if first.signed_in => "Opening · Sotto",
        Route::Home => "Sign in · Sotto",
        Route::SignUp => "Create an account · Sotto",
        Route::Forgot => "Forgot your password · Sotto",
        Route::Missing => "Not here · Sotto",
    };
    view! {
        <!DOCTYPE html>
        <html
            lang="en"
            data-theme=first.theme.as_str()
            data-signed-in=first.signed_in.to_string()
            data-worker=assets.url("worker.js")
            data-scanner=assets.url("scanner.js")
            data-scanner-integrity=assets.sri("scanner.js")
        >
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content"/>
                <title>{title}</title>
                <meta name="description" content="Private chat, encrypted in your browser."/>
                <meta name="color-scheme" content="dark light"/>
                <link rel="icon" type="image/svg+xml" href=assets.url("favicon.svg")/>
                <link rel="manifest" href=assets.url("manifest.webmanifest")/>
                <link rel="preload" r#as="font" r#type="font/woff2" crossorigin="anonymous" href=assets.url("fonts/inter.woff2")/>
                <link rel="stylesheet" href=assets.url("app.css") integrity=assets.sri("app.css")/>
                <link rel="preload" r#as="fetch" r#type="application/wasm" crossorigin="anonymous" href=assets.url("page_bg.wasm") integrity=assets.sri("page_bg.wasm")/>
                // A script that does not come must say so; the module itself reports what goes wrong after that.
                <script nonce=use_nonce()>{ON_SCRIPT_ERROR}</script>
                <script type="module" src=assets.url("page.js") integrity=assets.sri("page.js")></script>
            </head>
            <body>
                <App/>
                <div class="load-failed boot-failed" role="alert">
                    "Sotto could not be loaded. Check your connection, then reload the page."
                </div>
                <noscript>
                    <div class="load-failed">"Sotto encrypts in your browser and needs JavaScript for it. Nothing that you type here is sent without it."</div>
                </noscript>
            </body>
        </html>
    }
}
