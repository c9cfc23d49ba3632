//! The markup of our static fragments, which Leptos mounts as HTML; `frontend` lets no other pass (Trusted Types).

/// What the static parts of our views are made of. Another element or attribute has to be added here: without it the page stops
/// where it is drawn.
const ELEMENTS: [&str; 20] =
    ["a", "b", "code", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "i", "label", "li", "ol", "p", "small", "span", "strong", "ul"];
const ATTRIBUTES: [&str; 9] = ["aria-hidden", "aria-label", "class", "data-testid", "for", "href", "id", "role", "title"];

/// Whether markup is nothing but our elements with our attributes, written as Leptos writes them, and text. What a browser's parser
/// would take otherwise is refused with all the rest: values hold no `<` and `>`, so the first `>` ends the tag.
#[must_use]
pub fn is_plain(html: &str) -> bool {
    let mut parts = html.split('<');
    parts.next() == Some("") && parts.all(|part| part.split_once('>').is_some_and(|(tag, _text)| is_plain_tag(tag)))
}

fn is_plain_tag(tag: &str) -> bool {
    if let Some(name) = tag.strip_prefix('/') {
        return ELEMENTS.contains(&name);
    }
    let (name, mut rest) = tag.split_at(tag.find(' ').unwrap_or(tag.len()));
    while let Some(attribute) = rest.strip_prefix(' ') {
        let Some((key, after)) = attribute.split_once("=\"") else { return false };
        let Some((value, after)) = after.split_once('"') else { return false };
        if !ATTRIBUTES.contains(&key) || (key == "href" && !value.starts_with('/')) {
            return false;
        }
        rest = after;
    }
    rest.is_empty() && ELEMENTS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn static_fragments_of_our_views_pass() {
        for good in [
            r#"<p class="hint">one on = two &amp; "three" > 2</p>"#,
            r#"<a class="brand" href="/" data-testid="brand"><i aria-hidden="true"></i>sotto</a>"#,
            r#"<label for="theme">Theme</label>"#,
            "<p><strong>Keep this device.</strong> It’s sealed.</p>",
        ] {
            assert!(is_plain(good), "{good}");
        }
    }

    // Each fails when its reason is let through: the element, the attribute, its spelling, the address.
    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "text",
            "text<p></p>",
            "<p",
            "<>",
            "< p>",
            "<!--><p>",
            "<SCRIPT>",
            "<script>alert(1)</script>",
            "<img src=x onerror=alert(1)>",
            "<iframe srcdoc=x>",
            "<svg><path></path></svg>",
            "<svg/onload=x>",
            "<p></script>",
            "<template><p></p></template>",
            "<p/onclick=x>",
            "<p onclick=x>",
            r#"<p onclick ="x">"#,
            r#"<p onclick="x">"#,
            r#"<p class="a"onclick="x">"#,
            r#"<p class="a" onclick="x">"#,
            "<p class=\"a\"\nonclick=\"x\">",
            "<p\tonclick=\"x\">",
            r#"<p class="a>" onclick="x">"#,
            r#"<p class='"' onclick="x">"#,
            r#"<p class="a" >"#,
            r#"<p style="background:url(x)">"#,
            r#"<a href="javascript:x">"#,
            r#"<a href="JavaScript:x">"#,
            r#"<a href="&#10;javascript:x">"#,
            r#"<a href=" javascript:x">"#,
            r#"<a href="https://elsewhere.example/">"#,
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
