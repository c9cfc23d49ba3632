//! The themes, their names in the cookie and in `data-theme`.

/// Name of the cookie that carries the theme, so that the server's first page has it already. It is no secret.
pub const THEME_COOKIE: &str = "sotto_theme";

/// How the page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Near-black ground.
    #[default]
    Dark,
    /// Light ground.
    Light,
    /// Black and white with one accent, strong lines.
    HighContrast,
    /// What the operating system prefers.
    System,
}

impl Theme {
    /// All, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::Dark, Self::Light, Self::HighContrast, Self::System];

    /// Value of `data-theme`, of the cookie and of the menu's options.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::HighContrast => "high-contrast",
            Self::System => "system",
        }
    }

    /// Name for people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::HighContrast => "High contrast",
            Self::System => "Like this device",
        }
    }

    /// The theme of a name; the default for an unknown one.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.as_str() == name).unwrap_or_default()
    }

    /// The theme of a `Cookie` header's value.
    #[must_use]
    pub fn from_cookies(header: &str) -> Self {
        let named = header.split(';').filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == THEME_COOKIE);
        named.map_or_else(Self::default, |(_, value)| Self::from_name(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_is_read_from_among_other_cookies_and_unknown_ones_are_dark() {
        assert_eq!(Theme::from_cookies("a=b; sotto_theme=light; c=d"), Theme::Light);
        assert_eq!(Theme::from_cookies("sotto_theme=\"><script>"), Theme::Dark);
        assert_eq!(Theme::from_cookies(""), Theme::Dark);
    }
}
