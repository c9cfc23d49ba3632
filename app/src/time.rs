//! Calendar and clock texts from milliseconds and a UTC offset, without a date library in the page.

use sotto_protocol::Millis;

use crate::handle::Platform;

/// A moment in local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// Days since 1970-01-01.
    pub(crate) day: i64,
    year: i64,
    month: usize,
    day_of_month: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const WEEKDAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

impl Local {
    /// A moment by the browser's time zone.
    pub(crate) fn of(at: Millis, platform: Platform) -> Self {
        Self::at_offset(at, platform.with(0, |browser| browser.utc_offset_minutes(at)))
    }

    fn at_offset(at: Millis, offset_minutes: i32) -> Self {
        let seconds = i64::try_from(at / 1000).unwrap_or(0) + i64::from(offset_minutes) * 60;
        let (day, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day_of_month) = civil(day);
        Self { day, year, month, day_of_month, hour: rest / 3600, minute: rest / 60 % 60, second: rest % 60 }
    }

    /// "14:05".
    pub(crate) fn clock(self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// "2026-11-23 14:05:09".
    pub(crate) fn full(self) -> String {
        format!("{:04}-{:02}-{:02} {}:{:02}", self.year, self.month, self.day_of_month, self.clock(), self.second)
    }

    /// "23 November", with the year when it is not this one.
    pub(crate) fn date(self, now: Self) -> String {
        let month = MONTHS.get(self.month.saturating_sub(1)).copied().unwrap_or_default();
        if self.year == now.year {
            format!("{} {month}", self.day_of_month)
        } else {
            format!("{} {month} {}", self.day_of_month, self.year)
        }
    }

    /// "Today", "Yesterday", "Monday", or the date.
    pub(crate) fn day_label(self, now: Self) -> String {
        match now.day - self.day {
            0 => "Today".into(),
            1 => "Yesterday".into(),
            2..=6 => self.weekday().into(),
            _ => self.date(now),
        }
    }

    /// "today", "tomorrow", or the date.
    pub(crate) fn day_ahead(self, now: Self) -> String {
        match self.day - now.day {
            0 => "today".into(),
            1 => "tomorrow".into(),
            _ => self.date(now),
        }
    }

    /// For the list of rooms: the clock today, else a short day.
    pub(crate) fn short(self, now: Self) -> String {
        match now.day - self.day {
            0 => self.clock(),
            1..=6 => self.weekday().chars().take(3).collect(),
            _ => format!("{}.{}.", self.day_of_month, self.month),
        }
    }

    fn weekday(self) -> &'static str {
        usize::try_from(self.day.rem_euclid(7)).ok().and_then(|index| WEEKDAYS.get(index)).copied().unwrap_or_default()
    }
}

/// Now, by the browser's clock and zone.
pub(crate) fn now(platform: Platform) -> Local {
    Local::of(platform.with(0, |browser| browser.now()), platform)
}

/// Year, month and day of a day number (H. Hinnant's `civil_from_days`).
fn civil(day: i64) -> (i64, usize, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONDAY_AFTERNOON: Millis = 1_795_442_709_000;

    #[test]
    fn local_time_follows_the_offset_over_midnight() {
        assert_eq!(Local::at_offset(MONDAY_AFTERNOON, 0).full(), "2026-11-23 14:05:09");
        assert_eq!(Local::at_offset(MONDAY_AFTERNOON, 600).full(), "2026-11-24 00:05:09");
        assert_eq!(Local::at_offset(951_782_400_000, 0).full(), "2000-02-29 00:00:00");
    }

    #[test]
    fn days_are_named_near_and_dated_far() {
        let now = Local::at_offset(MONDAY_AFTERNOON, 0);
        let before = |days: u64| Local::at_offset(MONDAY_AFTERNOON - days * 86_400_000, 0).day_label(now);
        assert_eq!(
            [before(0), before(1), before(2), before(7), before(400)].join(" "),
            "Today Yesterday Saturday 16 November 19 October 2025"
        );
    }
}
