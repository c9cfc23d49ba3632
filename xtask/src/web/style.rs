//! One style sheet from the files of style/: joined in the order of order.txt, hashed names put in, comments taken out.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

/// All files that order.txt names, in its order. A sheet that it does not name is forgotten work: an error.
pub(super) fn concatenate(folder: &Path) -> Result<String> {
    let order = folder.join("order.txt");
    let text = fs::read_to_string(&order).with_context(|| format!("could not read {}", order.display()))?;
    let mut named = BTreeSet::new();
    let mut sheet = String::new();
    for name in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        ensure!(named.insert(name.to_owned()), "{} names {name} twice", order.display());
        let path = folder.join(name);
        sheet.push_str(&fs::read_to_string(&path).with_context(|| format!("{} names {name}", order.display()))?);
        sheet.push('\n');
    }
    let mut folders = vec![(folder.to_path_buf(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        for item in fs::read_dir(&folder)? {
            let path = item?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.push((path.clone(), format!("{prefix}{name}/")));
            } else if name.ends_with(".css") {
                ensure!(named.contains(&format!("{prefix}{name}")), "{} does not name {prefix}{name}", order.display());
            }
        }
    }
    Ok(sheet)
}

/// Puts hashed names into every `url(…)` of a file of the site.
pub(super) fn rewrite_urls(sheet: &str, hashed: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut result = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(start) = rest.find("url(") {
        let (before, after) = rest.split_at(start + "url(".len());
        let end = after.find(')').context("a url( without its end")?;
        let (inner, following) = after.split_at(end);
        let name = inner.trim().trim_matches(['"', '\'']);
        result.push_str(before);
        if name.starts_with("data:") || name.starts_with('#') {
            result.push_str(inner);
        } else {
            // Both are served from one folder, so the name alone is the address.
            let Some(file) = hashed(name) else { bail!("the style sheet names {name}, which is no file of the site") };
            result.push('"');
            result.push_str(&file);
            result.push('"');
        }
        rest = following;
    }
    result.push_str(rest);
    Ok(result)
}

/// Takes out comments and the white space that means nothing; strings stay as they are.
pub(super) fn minify(sheet: &str) -> String {
    let mut result = String::with_capacity(sheet.len());
    let mut characters = sheet.chars().peekable();
    let mut quote = None;
    while let Some(character) = characters.next() {
        if let Some(open) = quote {
            result.push(character);
            if character == '\\' {
                result.extend(characters.next());
            } else if character == open {
                quote = None;
            }
            continue;
        }
        match character {
            '/' if characters.peek() == Some(&'*') => {
                characters.next();
                let mut last = ' ';
                for inside in characters.by_ref() {
                    if last == '*' && inside == '/' {
                        break;
                    }
                    last = inside;
                }
                push_space(&mut result);
            }
            '"' | '\'' => {
                quote = Some(character);
                result.push(character);
            }
            space if space.is_whitespace() => push_space(&mut result),
            '{' | '}' | ';' | ',' => {
                trim_space(&mut result);
                if character == '}' && result.ends_with(';') {
                    result.pop();
                }
                result.push(character);
            }
            other => result.push(other),
        }
    }
    trim_space(&mut result);
    result
}

// A space after one of these separates nothing.
fn push_space(result: &mut String) {
    if !result.is_empty() && !result.ends_with([' ', '{', '}', ';', ',']) {
        result.push(' ');
    }
}

fn trim_space(result: &mut String) {
    if result.ends_with(' ') {
        result.pop();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn comments_and_idle_space_go_and_meaning_stays() {
        let sheet =
            "/* why */\na :hover > b ,\n i { color : red ; width: calc(1px + 2em);\n }\n b::after { content: \"  /* ; */  \\\" \" }\n";
        assert_eq!(minify(sheet), "a :hover > b,i{color : red;width: calc(1px + 2em)}b::after{content: \"  /* ; */  \\\" \"}");
    }

    #[test]
    fn addresses_get_their_hashed_names_and_an_unknown_one_is_an_error() {
        let hashed = |name: &str| (name == "fonts/A.woff2").then(|| "A-1.woff2".to_owned());
        let sheet = "src: url('fonts/A.woff2') format(\"woff2\"), url(data:font/woff2;base64,AA)";
        assert_eq!(rewrite_urls(sheet, hashed).unwrap(), "src: url(\"A-1.woff2\") format(\"woff2\"), url(data:font/woff2;base64,AA)");
        assert!(rewrite_urls("url(\"fonts/B.woff2\")", hashed).is_err());
    }

    #[test]
    fn a_sheet_that_the_order_does_not_name_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("parts")).unwrap();
        fs::write(folder.path().join("order.txt"), "# first tokens\nb.css\nparts/a.css\n").unwrap();
        fs::write(folder.path().join("b.css"), "b{}").unwrap();
        fs::write(folder.path().join("parts/a.css"), "a{}").unwrap();
        assert_eq!(concatenate(folder.path()).unwrap(), "b{}\na{}\n");
        fs::write(folder.path().join("forgotten.css"), "c{}").unwrap();
        assert!(concatenate(folder.path()).is_err());
    }
}
