//! The addresses of pages. Three pages and a chat need no router: links work without script, and `frontend` turns clicks on
//! them into changes of one signal.

/// Id of every page's main element: where the focus goes when there is no better place.
pub const MAIN_ID: &str = "main";

/// A page that has an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Sign-in or chat, at `/` and `/signin`.
    #[default]
    Home,
    /// `/signup`.
    SignUp,
    /// `/forgot`.
    Forgot,
    /// Any other path.
    Missing,
}

impl Route {
    /// Every path that has a page.
    pub const PATHS: [&'static str; 4] = ["/", "/signin", "/signup", "/forgot"];

    /// The page at a path.
    #[must_use]
    pub fn of(path: &str) -> Self {
        match path {
            "/" | "/signin" => Self::Home,
            "/signup" => Self::SignUp,
            "/forgot" => Self::Forgot,
            _ => Self::Missing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn every_listed_path_has_a_page_and_others_have_none() {
        for path in Route::PATHS {
            assert_ne!(Route::of(path), Route::Missing, "{path}");
        }
        for path in ["", "/signup/", "/SIGNUP", "/nowhere", "//"] {
            assert_eq!(Route::of(path), Route::Missing, "{path}");
        }
    }
}
