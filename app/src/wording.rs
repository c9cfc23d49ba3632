//! The sentences of the page: every error code says what to do, every state has its word. No other file words an error.

use sotto_client_api::views::{
    Change, Comparison, ConnectionView, Delivery, MemberView, PersonView, Role, RoomView, Standing, SystemLine, Trust,
};
use sotto_protocol::{ErrorCode, Millis, limits};

/// A sentence for a code: what happened, and what to do.
#[must_use]
pub fn error(code: ErrorCode) -> String {
    use ErrorCode as E;
    let sentence = match code {
        E::Malformed | E::UnknownKind => "This page and the server don't understand each other. Reload the page, then try again.",
        E::TooLarge => "That is too long. Shorten it, then try again.",
        E::SignedOut => "You are signed out. Sign in to go on.",
        E::WrongOrigin => "The request came from another site and was refused. Open Sotto by its own address.",
        E::Forbidden => "You can't do that here.",
        E::NotFound => "There is nobody by that name on this server. Check the spelling, or send them the invite link.",
        E::InviteEnded => "This invite link is no longer valid: it is used up, over or taken back. Ask for a new one.",
        E::TooManyTries => "Too many tries. Wait a minute, then try again.",
        E::Unavailable => "The server can't do it right now. Nothing was changed: try again in a moment.",
        E::Internal => "Something went wrong on the server. Nothing was changed: try again in a moment.",
        E::InvalidName => "A user name has 3 to 32 of these: a to z, 0 to 9, _ and -.",
        E::ReservedName => "That name is reserved. Choose another one.",
        E::NameTaken => "That name belongs to somebody. Choose another one.",
        E::WrongCredentials => "That is not right. Check the user name and what you typed, then try again.",
        E::RegistrationClosed => "This server takes no new accounts. Ask whoever runs it.",
        E::CommonPassword => "That is one of the passwords that everybody tries first. Choose another one.",
        E::ShortPassword => return format!("A password needs at least {} characters.", limits::PASSWORD_MIN_CHARS),
        E::NoRecoveryCode => "This account has no recovery code, so a forgotten password can't be replaced.",
        E::MistypedRecoveryCode => "That code has a typing error. Compare it with what you saved, group by group.",
        E::KdfRefused => "The server asked this browser to protect your password badly, so nothing was sent. Tell whoever runs it.",
        E::KdfWeakened => "The server asks for weaker password protection than before, so nothing was sent. Tell whoever runs it.",
        E::KdfSaltChanged => {
            "Was your password changed on another device? If it was, go on. If not, stop, and tell whoever runs this server."
        }
        E::VaultDamaged => {
            "Your sealed keys on the server did not open: they may be damaged. Try again, then tell whoever runs the server."
        }
        E::DeviceListRefused => "The list of your devices did not verify. Reload the page, then try again.",
        E::DeviceUnknown => "This browser is no longer one of your devices. Sign in again.",
        E::TooManyDevices => "This account has ten devices, which is the most. Signing in here removes the one that was added first.",
        E::StaleEpoch => "The conversation moved on meanwhile. Try again.",
        E::RoomExists => "You have this conversation already. Open it from the list.",
        E::CommitRefused => "The server refused the change, because it breaks a rule of the conversation. Reload, then try again.",
        E::NoKeyPackage => "They can't be added right now, because their browser has left no keys. Try again after they have been online.",
        E::NotAuthentic => "What arrived does not verify, so it was left out. Compare the safety number if it happens again.",
        E::WrongSuite => "That uses encryption which Sotto does not accept, so it was left out.",
        E::WrongClock => "The clock of this device is more than an hour wrong. Set it right, then reload the page.",
        E::Gone => "The server has deleted it: messages are kept there for a limited time only.",
        E::ArchiveFull => "The server keeps no more history of yours for new devices. What is in this browser stays.",
        E::DirectoryRefused => {
            "The server’s directory of keys contradicts itself, or what it shows to others. It may show false keys, or was restored from a backup. Compare safety numbers before you say what matters, and tell whoever runs the server. More in the settings."
        }
        E::AccountDeleted => "They have deleted their account. What was said here stays with you.",
        E::Blocked => "You have blocked them. Unblock them in the settings to write.",
        E::Unblocked => {
            "Somebody whom you had blocked can write to you again. If you did not unblock them in another browser, block them again."
        }
        E::StorageDamaged => {
            "The data in this browser does not open, or was deleted. Start over here: you sign in, your conversations come back from your history, and this browser is a new device. Your other devices are not touched."
        }
        E::StorageFull => "This browser has no room left to store anything. Free some space, then try again. Nothing was lost.",
        E::Unsupported => {
            "This browser lacks something that Sotto needs (storage, locks or WebAssembly). Leave private mode, or use a current browser."
        }
        E::OtherTab => "Sotto runs in another tab of this browser. Go on there.",
        E::Offline => "There is no connection to the server. Check your network, then try again.",
        E::WrongPassphrase => "That is not the passphrase of this browser. Try again.",
        E::NotReady => "Sotto is still starting. Try again in a moment.",
        E::OutOfStep => "This browser lost its place in a conversation and is taking it again. Some messages may be missing here.",
        E::Forked => "A conversation had come apart: not everybody was in the same one. This browser has joined the others again.",
        E::LastOwner => "A group keeps an owner, and nobody else here is one. Make somebody else an owner first.",
        E::Leaving => "You are leaving this group. It is done as soon as somebody else who is in it is online.",
        E::NotMember => "You are not in this group any more. What was said until then stays here.",
        E::RolledBack => {
            "The data in this browser is an older copy. Conversations are being brought up to date; if you restored no backup, change your password."
        }
        E::ServerBehind => {
            "The server shows a conversation as it was earlier. It may have been restored from a backup. Open the conversation to decide."
        }
        E::GhostDevice => {
            "There is a device in somebody's name that they have not signed, or that they removed. Nothing goes to it. Tell them by another way."
        }
        E::ContactListRefused => {
            "The server shows an older or another list of somebody's devices than they name themselves. Ask them by another way which are theirs."
        }
        E::IdentityChanged => "The identity behind this name is another than before. Compare the safety number before you write.",
    };
    sentence.into()
}

/// What blocking is, where somebody does it.
pub(crate) const BLOCK_HINT: &str = "What they write to you alone does not come to you, and they can’t bring you into conversations. They are not told. In groups that you share you see each other.";

/// What the archive trades, in one sentence.
pub(crate) const ARCHIVE_TRADE: &str = "A sealed copy of what you read is kept on the server, so that a new device of yours shows it: whoever learns your password and the server’s data can read all of that, not only what comes later.";

/// What a request asks, or what is done with it when that is pressed once more.
pub(crate) fn request(view: &RoomView, deletes: bool, blocks: bool) -> String {
    let name = view.request.as_ref().map(|by| by.name.to_string()).unwrap_or_default();
    if deletes {
        return "Delete what was said here from this browser? It comes back when somebody writes again.".into();
    }
    if blocks {
        return format!("Block {name}? They are not told.");
    }
    match view.peer {
        Some(_) => format!("{name} wants to write to you. They don’t learn whether you have read this until you accept."),
        None => format!("{name} added you to this group."),
    }
}

/// A sentence for a code with the seconds to wait, when the server said how many.
#[must_use]
pub fn error_after(code: ErrorCode, retry_after: Option<u32>) -> String {
    match retry_after {
        Some(seconds) if code == ErrorCode::TooManyTries => format!("Too many tries. Wait {}, then try again.", duration(seconds)),
        _ => error(code),
    }
}

fn duration(seconds: u32) -> String {
    match seconds {
        0..=1 => "a second".into(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Word of the connection.
pub(crate) const fn connection(view: ConnectionView) -> &'static str {
    match view {
        ConnectionView::Off => "Not connected",
        ConnectionView::Connecting => "Connecting…",
        ConnectionView::CatchingUp { .. } => "Catching up…",
        ConnectionView::Online => "Connected",
        ConnectionView::Waiting { .. } => "Offline, trying again",
    }
}

/// Value of the connection's `data-state`.
pub(crate) const fn connection_state(view: ConnectionView) -> &'static str {
    match view {
        ConnectionView::Off => "off",
        ConnectionView::Connecting => "connecting",
        ConnectionView::CatchingUp { .. } => "catching-up",
        ConnectionView::Online => "online",
        ConnectionView::Waiting { .. } => "waiting",
    }
}

/// How far catching up is; empty while nothing is counted.
pub(crate) fn progress(view: ConnectionView) -> String {
    match view {
        ConnectionView::CatchingUp { done, total: total @ 1.. } => format!("{} of {}", thousands(done), thousands(total)),
        _ => String::new(),
    }
}

/// A number with commas.
fn thousands(count: u32) -> String {
    let mut text = count.to_string();
    for at in (1..text.len()).rev().filter(|at| (text.len() - at).is_multiple_of(3)).collect::<Vec<_>>() {
        text.insert(at, ',');
    }
    text
}

/// Word of a message's state.
pub(crate) const fn delivery(state: Delivery) -> &'static str {
    match state {
        Delivery::Sending => "Sending",
        Delivery::Sent => "Sent",
        Delivery::Delivered => "Delivered",
        Delivery::Read => "Read",
        Delivery::Failed => "Not sent",
    }
}

/// Short text of the lock.
pub(crate) const fn lock_label(trust: Trust) -> &'static str {
    match trust {
        Trust::Pinned => "End-to-end",
        Trust::Verified => "Verified, end-to-end",
        Trust::Changed => "Identity changed",
    }
}

/// What a room is called.
pub(crate) fn title(room: &RoomView) -> String {
    match room.title.as_str() {
        _ if room.notes => "Notes to yourself".into(),
        "" => "Group".into(),
        title => title.into(),
    }
}

/// How many people.
pub(crate) fn people(count: usize) -> String {
    match count {
        1 => "1 person".into(),
        count => format!("{count} people"),
    }
}

/// How many an invite link lets in, and until when.
pub(crate) fn invite(uses: u32, left: Option<u32>, until: &str) -> String {
    match left {
        Some(0) => format!("No places left. Ends {until}."),
        Some(left) => format!("{left} of {uses} places left. Ends {until}."),
        None => format!("For {}. Ends {until}.", people(uses as usize)),
    }
}

/// What is to be said of somebody in a group, beside the name.
pub(crate) fn member_tags(member: &MemberView, own: bool) -> String {
    let role = match member.role {
        Role::Owner => "Owner",
        Role::Admin => "Admin",
        Role::Member => "",
    };
    let standing = match member.standing {
        Standing::In => "",
        Standing::Coming => "Being added: as soon as a browser of theirs has left keys",
        Standing::Going => "Being removed",
        Standing::Deleted => "Account deleted",
    };
    let tags = [if own { "You" } else { "" }, role, standing];
    tags.into_iter().filter(|tag| !tag.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// Value of a member's `data-role`.
pub(crate) const fn role_state(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}

/// What came of comparing codes: how it looks, and what it means.
pub(crate) const fn comparison(result: Comparison) -> (&'static str, &'static str) {
    match result {
        Comparison::Same => ("hint", "It is the same on both sides: verified."),
        Comparison::Different => (
            "banner banner-error",
            "The codes differ: one of you sees another identity. Somebody may stand between you. Don’t write what is secret, and tell whoever runs the server.",
        ),
        Comparison::OtherPeople => {
            ("banner banner-warn", "That is the code of two other people. Open the panel of this conversation on their screen, too.")
        }
        Comparison::OtherVersion => ("banner banner-warn", "Their Sotto is another version. Compare the digits."),
        Comparison::NotSafetyNumber => ("banner banner-warn", "That is no code of a safety number."),
    }
}

/// Value of a member's `data-standing`.
pub(crate) const fn standing_state(standing: Standing) -> &'static str {
    match standing {
        Standing::In => "in",
        Standing::Coming => "coming",
        Standing::Going => "going",
        Standing::Deleted => "deleted",
    }
}

/// The one sentence that the lock opens into.
pub(crate) fn lock_sentence(room: &RoomView) -> String {
    if room.notes {
        return "Only you can read these notes: the server keeps bytes that it cannot open.".into();
    }
    if room.peer.is_none() {
        return "Only the people in this group can read this: the server passes on bytes that it cannot open.".into();
    }
    let name = &room.title;
    match room.trust {
        Trust::Pinned => format!("Only you and {name} can read this: the server passes on bytes that it cannot open."),
        Trust::Verified => format!("Only you and {name} can read this, and you compared numbers, so nobody stands between you."),
        Trust::Changed => format!("{name} has another identity than before: compare the safety number before you write."),
    }
}

/// A line about what happened in a room. `me` is the own name.
pub(crate) fn system_line(line: &SystemLine, me: &str) -> String {
    let who = |person: &PersonView| if person.name.as_str() == me { "You".to_owned() } else { person.shown().to_owned() };
    match line {
        SystemLine::Created { by } => format!("{} began this conversation", who(by)),
        SystemLine::NewDevice { who: person } => format!("{} signed in on a new device", who(person)),
        SystemLine::JoinedHere => "You signed in on this browser".into(),
        SystemLine::Missing { count: 1 } => "1 message is no longer on the server".into(),
        SystemLine::Missing { count } => format!("{count} messages are no longer on the server"),
        SystemLine::WentBack => {
            "The server went back to an earlier time here. What it does not have any more stays above, in this browser".into()
        }
        SystemLine::NotReadable => "A message did not verify and was left out".into(),
        SystemLine::SeatTakenAgain { who: person, came, went } => {
            let mut text = if person.name.as_str() == me {
                "This browser had lost its place here and has taken it again".to_owned()
            } else {
                format!("{} had lost the place here and has taken it again", person.shown())
            };
            said_of(&mut text, "; meanwhile came ", came);
            said_of(&mut text, "; meanwhile went ", went);
            text
        }
        SystemLine::Missed { count: 1 } => "1 message came while this browser had lost its place, and can't be read here".into(),
        SystemLine::Missed { count } => format!("{count} messages came while this browser had lost its place, and can't be read here"),
        SystemLine::Withheld { who: person, count } => format!("{} has said more than came here: {count} missing", person.shown()),
        SystemLine::Members { by, came, went, others } => {
            let leaves = |(change, _): &&(Change, PersonView)| *change == Change::Left;
            let left: Vec<String> = others.iter().filter(leaves).map(|(_, whom)| who(whom)).collect();
            let left = if left.is_empty() { String::new() } else { format!("{} left", left.join(" and ")) };
            if came.is_empty() && went.is_empty() && others.iter().all(|change| leaves(&change)) {
                return left;
            }
            let mut text = if left.is_empty() { who(by) } else { format!("{left}. {}", who(by)) };
            said_of(&mut text, " added ", came);
            said_of(&mut text, " removed ", went);
            for (change, whom) in others.iter().filter(|change| !leaves(change)) {
                let (before, after) = match change {
                    Change::DeviceCame if whom.account == by.account => (" added a device", ""),
                    Change::DeviceWent if whom.account == by.account => (" removed an earlier device", ""),
                    Change::DeviceCame => (" added a device of ", ""),
                    Change::DeviceWent => (" removed a device of ", ""),
                    Change::Member => (" made ", " a plain member"),
                    Change::Admin => (" made ", " an admin"),
                    Change::Owner => (" made ", " an owner"),
                    Change::Deleted => (" deleted their account", ""),
                    Change::Left => ("", ""),
                };
                text.push_str(before);
                if before.ends_with(' ') {
                    text.push_str(if whom.name.as_str() == me { "you" } else { whom.shown() });
                }
                text.push_str(after);
            }
            text
        }
        SystemLine::Named { by, name } => format!("{} named this group “{name}”", who(by)),
        SystemLine::Described { by, about } if about.is_empty() => format!("{} took the description away", who(by)),
        SystemLine::Described { by, about } => format!("{} described this group: {about}", who(by)),
        SystemLine::Shared { by, with } if with.name.as_str() == me => format!("{} shared earlier messages with you", who(by)),
        SystemLine::Shared { by, with } => format!("{} shared earlier messages with {}", who(by), who(with)),
        SystemLine::Pictured { by } => format!("{} changed the group’s picture", who(by)),
        SystemLine::IdentityChanged { who: person } => format!("The identity of {} changed", person.shown()),
    }
}

/// The server shows a conversation as it was once. `names`: who would be there; `sure`: the person is asked once more.
pub(crate) fn behind(names: &str, sure: bool) -> String {
    let what = "The server shows this conversation as it was earlier (it may have been restored from a backup). ";
    match (names, sure) {
        ("", _) => format!("{what}This browser has no place in it: nothing is sent here unless the server shows it as it is."),
        (_, false) => format!("{what}Nothing is sent here until you go on with what it has."),
        (_, true) => {
            format!("In it are you and {names}: also who left since is there again. Ask whoever runs the server before you go on.")
        }
    }
}

/// When something of somebody else came last, as long before now.
pub(crate) fn last_heard(age: Millis) -> String {
    let minutes = age / 60_000;
    let (count, unit) = match minutes {
        0..=1 => return "Last heard just now".into(),
        2..=119 => (minutes, "minutes"),
        120..=2_879 => (minutes / 60, "hours"),
        _ => (minutes / 1_440, "days"),
    };
    format!("Last heard {count} {unit} ago")
}

/// Appends what happened to people, if there are any.
fn said_of(text: &mut String, what: &str, names: &str) {
    if !names.is_empty() {
        text.push_str(what);
        text.push_str(names);
    }
}

/// Word of a password's strength, 0 to 4.
pub(crate) const fn strength(strength: u8) -> &'static str {
    match strength {
        0 => "Guessed at once",
        1 => "Weak",
        2 => "Fair",
        3 => "Strong",
        _ => "Out of reach",
    }
}

/// What a long step does, by its stable name.
pub(crate) fn step(name: &str) -> &'static str {
    match name {
        "deriving" => "Turning your password into keys, on this device…",
        "opening" => "Opening your sealed keys…",
        "joining" => "Taking your seat in your conversations…",
        "catching_up" => "Fetching what arrived meanwhile…",
        _ => "Working…",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use sotto_client_api::views::PersonView;
    use sotto_protocol::AccountId;

    use super::*;

    // Fails without the filter in `thousands`, and without `1..` in `progress`.
    #[test]
    fn catching_up_is_counted_in_thousands_once_there_is_something_to_count() {
        let at = |done, total| progress(ConnectionView::CatchingUp { done, total });
        assert_eq!(at(412, 10_050), "412 of 10,050");
        assert_eq!(at(1_000_000, 1_234_567), "1,000,000 of 1,234,567");
        assert_eq!((at(0, 0), progress(ConnectionView::Online)), (String::new(), String::new()));
    }

    #[test]
    fn silence_is_named_in_minutes_hours_or_days() {
        let minutes = |count: u64| last_heard(count * 60_000);
        assert_eq!(minutes(1), "Last heard just now");
        assert_eq!([minutes(2), minutes(119)], ["Last heard 2 minutes ago", "Last heard 119 minutes ago"]);
        assert_eq!([minutes(120), minutes(2_879)], ["Last heard 2 hours ago", "Last heard 47 hours ago"]);
        assert_eq!(minutes(2_880), "Last heard 2 days ago");
    }

    #[test]
    fn every_change_of_a_member_names_who_made_it() {
        let person = |name: &str| PersonView::plain(AccountId([name.as_bytes()[0]; 32]), name.parse().unwrap());
        let line = |others: &[(Change, &str)]| SystemLine::Members {
            by: person("mira"),
            came: String::new(),
            went: String::new(),
            others: others.iter().map(|(change, whom)| (*change, person(whom))).collect(),
        };
        assert_eq!(system_line(&line(&[(Change::DeviceWent, "mira")]), "jonas"), "mira removed an earlier device");
        assert_eq!(system_line(&line(&[(Change::DeviceWent, "mira")]), "mira"), "You removed an earlier device");
        assert_eq!(system_line(&line(&[(Change::DeviceCame, "noor")]), "jonas"), "mira added a device of noor");
        assert_eq!(system_line(&line(&[(Change::Owner, "jonas")]), "jonas"), "mira made you an owner");
        assert_eq!(system_line(&line(&[(Change::Member, "noor")]), "mira"), "You made noor a plain member");
    }

    #[test]
    fn waiting_is_named_in_seconds_or_minutes() {
        assert_eq!(error_after(ErrorCode::TooManyTries, Some(40)), "Too many tries. Wait 40 seconds, then try again.");
        assert_eq!(error_after(ErrorCode::TooManyTries, Some(601)), "Too many tries. Wait 11 minutes, then try again.");
        assert_eq!(error_after(ErrorCode::Gone, Some(3)), error(ErrorCode::Gone));
    }
}
