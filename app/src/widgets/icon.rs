//! Line icons, drawn inline; hidden from screen readers, because every control has words.

use leptos::prelude::*;

use super::flow::Erase;

/// Which icon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    Plus,
    Send,
    Lock,
    Alert,
    Back,
    Close,
    Settings,
    SignOut,
    More,
    Device,
    Copy,
    Eye,
    Retry,
    Down,
    Clock,
    Check,
    Checks,
    Pen,
    Print,
    People,
    Bell,
    Muted,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Self::Plus => "M12 5v14M5 12h14",
            Self::Send => "M12 19V5M6 11l6-6 6 6",
            Self::Lock => "M7 11h10a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2v-5a2 2 0 0 1 2-2zM8 11V8a4 4 0 0 1 8 0v3",
            Self::Alert => "M12 4 2.8 20h18.400zM12 10v4M12 17v.01",
            Self::Back => "M15 5l-7 7 7 7",
            Self::Close => "M6 6l12 12M18 6 6 18",
            Self::Settings => "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
            Self::SignOut => "M14 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h8M10 12h10M17 8.5 20.5 12 17 15.5",
            Self::More => "M6 12v.01M12 12v.01M18 12v.01",
            Self::Device => "M7 3h10a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM11 18h2",
            Self::Copy => "M9 9h9a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2v-9M4 15V6a2 2 0 0 1 2-2h9",
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.500a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"
            }
            Self::Retry => "M20 11a8 8 0 1 0-2.3 6.300M20 5v6h-6",
            Self::Down => "M12 5v14M6 13l6 6 6-6",
            Self::Clock => "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l2.5 2",
            Self::Check => "M5 12.500l4.5 4.500L19 7.5",
            Self::Checks => "M2 12.500l4.5 4.500L15 8M11.5 16l1 1L22 8",
            Self::Pen => "M4 20l1-4L16 5l3 3L8 19z",
            Self::People => {
                "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.500a3.500 3.500 0 0 1 0 6.500M18 14.200a6.500 6.500 0 0 1 3.500 5.800"
            }
            Self::Bell => "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.500h4",
            Self::Muted => "M6 16V11a6 6 0 0 1 9.500-4.900M18 11v5l1.5 2h-15zM10 20.500h4M4 4l16 16",
            Self::Print => "M7 9V4h10v5M7 17H5a1 1 0 0 1-1-1v-5a2 2 0 0 1 2-2h12a2 2 0 0 1 2 2v5a1 1 0 0 1-1 1h-2M7 14h10v6H7z",
        }
    }
}

/// Draws an icon.
pub(crate) fn draw(icon: Icon) -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
            <path d=icon.path()></path>
        </svg>
    }
    .erase()
}
