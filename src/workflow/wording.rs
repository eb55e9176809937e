//! Whether two texts of a Reviewer say the same, or ask for the opposite. Pure.
//!
//! A text is reduced to what it speaks of (its core) and to what it wants of that: that it be there,
//! or gone. "The second hand is missing", "no second hand is drawn" and "it lacks a second hand" have
//! one core and one wish. What says the same without a common word ("the hands stand still", "they do
//! not move") is not seen: it takes a common quote, or the bound of the ledger.

use std::collections::BTreeSet;

/// Words that carry no meaning of their own.
const FILLER: &str = " the a an is are be been being to of in on for and or it its this that these \
    those should must will would shall can could may might does do did has have had there at with \
    when if so as by from into because which you we they please all any also still just only but \
    then than script program code app application implementation requirement requirements one ones \
    thing after around per each every way where now really even such very currently properly \
    correctly actually user ";
/// Words that say that something is wanted, and is not there.
const LACK: &str = " not no never none nothing neither nor nowhere missing lack lacks lacking lacked \
    without absent absence omit omits omitted forgot forgets forgotten fails fail failed cannot \
    unable isn aren doesn don didn hasn haven won wasn ignored ignores ignore uncaught unhandled \
    unimplemented incomplete skipped skips need needs needed add added required ";
/// Words for the coming into being of what a text speaks of.
const DOING: &str = " draw drawn drawing draws drew show shown shows showing display displayed \
    displays displaying implement implemented implements implementation include included includes \
    including create created creates provide provided provides use used uses using present exist \
    exists existing handle handled handles handling make makes made print printed prints call called \
    calls check checked checks perform performed support supported supports contain contains feature \
    functionality function method ";
/// Words that say that something is there and not wanted.
const EXCESS: &str = " remove removed removing unnecessary superfluous redundant wanted unwanted \
    asked useful useless nobody drop dropped delete deleted avoid avoided rid take out extra \
    necessary unneeded ";
/// Phrases for the same; what follows a `not` in [`EXCESS_NOT`] too.
const EXCESS_PHRASES: [&str; 20] = [
    " remove ",
    " removed ",
    " unnecessary ",
    " superfluous ",
    " redundant ",
    " unneeded ",
    " unwanted ",
    " useless ",
    " nobody asked ",
    " no need ",
    " get rid ",
    " take out ",
    " delete ",
    " avoid ",
    " drop ",
    " should not ",
    " must not ",
    " shall not ",
    " shouldn t ",
    " mustn t ",
];
const EXCESS_NOT: [&str; 6] = ["needed", "required", "necessary", "wanted", "asked", "useful"];
/// Pairs that ask for opposite things of the same.
const OPPOSITES: [(&str, &str); 24] = [
    ("long", "short"),
    ("longer", "shorter"),
    ("large", "small"),
    ("larger", "smaller"),
    ("big", "small"),
    ("bigger", "smaller"),
    ("big", "little"),
    ("more", "fewer"),
    ("more", "less"),
    ("many", "few"),
    ("much", "little"),
    ("fast", "slow"),
    ("faster", "slower"),
    ("quickly", "slowly"),
    ("high", "low"),
    ("higher", "lower"),
    ("wide", "narrow"),
    ("thick", "thin"),
    ("dark", "bright"),
    ("increase", "decrease"),
    ("enable", "disable"),
    ("before", "after"),
    ("upper", "lower"),
    ("ascending", "descending"),
];
/// Words of which a text is made that says no more than that something is not printed.
const NOT_PRINTED: &str = " the a an and or script program code output it its does do did not never \
    is are isn aren doesn didn t no missing lacks print prints printed printing show shows shown \
    showing display displays displayed include includes contain contains header headers footer row \
    rows line lines title titles text texts word words string strings label labels message messages \
    column columns name names heading headings result of for in after between under below above each \
    every ";
/// Words for a line that separates.
const SEPARATORS: &str = " separator separators divider dividers separating dividing ";

/// What is missing where it is said that a line that separates is: it is not quoted, and known when
/// it is seen.
pub const SEPARATOR: &str = "separator";

/// Two words of at least so many letters may differ by a slip.
const SLIPS_FROM: usize = 5;
/// How alike two such words are.
const SLIP: f64 = 0.82;

/// Whether something is to be there, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    There,
    Gone,
    Other,
}

/// What a text says is not printed, as quoted in it, if it says nothing else: `The script does not
/// print the header "City"`; or [`SEPARATOR`]. Empty for any other text: what it says of order, place or
/// sums no search in an output can tell.
#[must_use]
pub fn not_printed(text: &str) -> Vec<&str> {
    let mut quoted = Vec::new();
    let mut rest = String::new();
    let mut left = text;
    while let Some(start) = left.find(['"', '`', '\u{201c}']) {
        let mark = left[start..].chars().next().unwrap_or('"');
        let close = if mark == '\u{201c}' { '\u{201d}' } else { mark };
        let inside = &left[start + mark.len_utf8()..];
        let Some(end) = inside.find(close) else { return Vec::new() };
        quoted.push(inside[..end].trim());
        rest.push_str(&left[..start]);
        left = &inside[end + close.len_utf8()..];
    }
    rest.push_str(left);
    let lower = rest.to_lowercase();
    let mut all: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let known = all.len();
    all.retain(|word| !SEPARATORS.contains(&format!(" {word} ")));
    if all.len() < known {
        quoted.push(SEPARATOR);
    }
    let says = |list: &str| all.iter().any(|word| list.contains(&format!(" {word} ")));
    let nothing_else = all.iter().all(|word| NOT_PRINTED.contains(&format!(" {word} ")));
    let misses = says(" not never no missing lacks doesn isn aren didn ");
    if nothing_else && misses && quoted.iter().all(|text| text.len() > 2) {
        return quoted;
    }
    Vec::new()
}

/// Whether an output holds a text that is said to be missing, however it is spaced.
#[must_use]
pub fn prints(output: &str, text: &str) -> bool {
    if text != SEPARATOR {
        return squeeze(output).contains(&squeeze(text));
    }
    let is_rule = |line: &str| {
        let line = line.trim();
        line.len() > 2 && line.chars().all(|c| "-=_*#~+|\u{2500}\u{2550} ".contains(c))
    };
    output.lines().any(is_rule)
}

/// A text with single spaces.
#[must_use]
pub fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text reduced to what it says.
pub struct Wording {
    /// Its words in order, in small letters.
    words: Vec<String>,
    /// The stems of what it speaks of.
    core: BTreeSet<String>,
    /// Numbers, since "3 hands" and "2 hands" are different points. Those of lines move, and do not
    /// count.
    numbers: Vec<String>,
    wish: Wish,
}

impl Wording {
    /// Reduces a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let lower = text.to_lowercase();
        let split = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<String> = split.map(str::to_owned).collect();
        let (mut core, mut numbers) = (BTreeSet::new(), Vec::new());
        for (n, word) in words.iter().enumerate() {
            if word.bytes().all(|b| b.is_ascii_digit()) {
                let of_line = n > 0 && matches!(words[n - 1].as_str(), "line" | "lines");
                if !of_line {
                    numbers.push(word.clone());
                }
            } else if speaks(word) {
                core.insert(stem(word));
            }
        }
        numbers.sort_unstable();
        let wish = wish(&words);
        Self { words, core, numbers, wish }
    }

    /// Whether both say the same.
    #[must_use]
    pub fn says(&self, other: &Self) -> bool {
        if self.numbers != other.numbers || self.wish != other.wish || self.reverses(other) {
            return false;
        }
        let (all, shared) = (self.core.len() + other.core.len(), self.shared(other));
        if self.core.len().min(other.core.len()) <= 1 && shared == 0 {
            // Nothing to compare by: languages without spaces, or "is wrong".
            return strsim::sorensen_dice(&self.words.concat(), &other.words.concat()) >= 0.8;
        }
        let fewer = self.core.len().min(other.core.len());
        let mostly = shared * 8 >= all * 3;
        match self.wish {
            // What else is said of what is missing says where and why.
            Wish::There | Wish::Gone => mostly || (shared >= 2 && shared * 5 >= fewer * 4),
            Wish::Other => shared * 5 >= all * 2,
        }
    }

    /// Whether this says of all that a requirement asks for, and of nothing else, that it is not there.
    #[must_use]
    pub fn denies(&self, requirement: &Self) -> bool {
        self.wish == Wish::There && self.core.len() > 1 && self.core == requirement.core
    }

    /// Whether both speak of the same, in so many words that this is no chance.
    #[must_use]
    pub fn is_plainly(&self, other: &Self) -> bool {
        self.core.len() >= 3 && self.core == other.core && self.says(other)
    }

    /// Whether one asks for the opposite of the other: that something be there and be gone, that it be
    /// more and less, this instead of that and that instead of this.
    #[must_use]
    pub fn reverses(&self, other: &Self) -> bool {
        if let (Some(here), Some(there)) = (self.instead(), other.instead()) {
            return here.0 == there.1 && here.1 == there.0;
        }
        let wishes = [self.wish, other.wish];
        if wishes == [Wish::There, Wish::Gone] || wishes == [Wish::Gone, Wish::There] {
            let all = self.core.len() + other.core.len();
            return all > 0 && self.shared(other) * 40 >= all * 17;
        }
        OPPOSITES.iter().any(|(a, b)| self.against(other, a, b) || self.against(other, b, a))
    }

    /// Whether one says `a` and the other `b` of the same.
    fn against(&self, other: &Self, a: &str, b: &str) -> bool {
        let has = |wording: &Self, word: &str| wording.words.iter().any(|w| w == word);
        if !has(self, a) || !has(other, b) || has(self, b) || has(other, a) {
            return false;
        }
        let rest = |wording: &Self| {
            let mut core = wording.core.clone();
            core.retain(|word| *word != stem(a) && *word != stem(b));
            core
        };
        let (mine, others) = (rest(self), rest(other));
        let shared = mine.intersection(&others).count();
        shared > 0 && shared * 8 >= (mine.len() + others.len()) * 3
    }

    /// What is wanted instead of what, without what both have in common.
    fn instead(&self) -> Option<(BTreeSet<&str>, BTreeSet<&str>)> {
        let at = self.words.windows(2).position(|pair| {
            matches!([pair[0].as_str(), pair[1].as_str()], ["instead", "of"] | ["rather", "than"])
        })?;
        let telling = |words: &'_ [String]| {
            let words = words.iter().map(String::as_str);
            words
                .filter(|word| {
                    !matches!(*word, "a" | "an" | "the" | "use" | "used" | "should" | "be")
                })
                .map(str::to_owned)
                .collect::<BTreeSet<String>>()
        };
        let (wanted, given) = (telling(&self.words[..at]), telling(&self.words[at + 2..]));
        let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> BTreeSet<&str> {
            let words = self.words.iter().map(String::as_str);
            words.filter(|word| one.contains(*word) && !other.contains(*word)).collect()
        };
        let (wanted, given) = (only(&wanted, &given), only(&given, &wanted));
        (!wanted.is_empty() && !given.is_empty()).then_some((wanted, given))
    }

    /// How many words of the core both have, slips aside.
    fn shared(&self, other: &Self) -> usize {
        self.core.iter().filter(|word| other.core.iter().any(|o| alike(word, o))).count()
    }
}

fn speaks(word: &str) -> bool {
    let requirement = word.strip_prefix('r').is_some_and(|n| n.parse::<u32>().is_ok());
    // The `s` and `t` behind an apostrophe; an axis is called `x`.
    let lone = word.len() == 1 && !matches!(word, "x" | "y" | "z");
    let padded = format!(" {word} ");
    !requirement
        && !lone
        && ![FILLER, LACK, DOING, EXCESS].iter().any(|list| list.contains(&padded))
}

fn wish(words: &[String]) -> Wish {
    let text = format!(" {} ", words.join(" "));
    let unwanted = EXCESS_NOT.iter().any(|word| text.contains(&format!(" not {word} ")))
        || EXCESS_PHRASES.iter().any(|phrase| text.contains(phrase));
    let lacks = |word: &String| LACK.contains(&format!(" {word} "));
    if unwanted {
        Wish::Gone
    } else if words.iter().any(|word| lacks(word) || matches!(word.as_str(), "should" | "must")) {
        Wish::There
    } else {
        Wish::Other
    }
}

fn stem(word: &str) -> String {
    let ending = ["ies", "ing", "ed", "es", "s"]
        .iter()
        .find(|e| word.len() > e.len() + 2 && word.ends_with(**e) && !word.ends_with("ss"));
    let stem = ending.map_or(word, |e| &word[..word.len() - e.len()]);
    let short = stem.trim_end_matches(['e', 'y']);
    if short.is_empty() { stem.to_owned() } else { short.to_owned() }
}

fn alike(a: &str, b: &str) -> bool {
    // Most words are told apart by how they begin, which is what slips leave alone.
    let may_be = || {
        a.chars().next() == b.chars().next()
            && a.chars().count().min(b.chars().count()) >= SLIPS_FROM
    };
    a == b || (may_be() && strsim::normalized_damerau_levenshtein(a, b) >= SLIP)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One point in as many words as people find for it.
    const MISSING: [&str; 30] = [
        "The second hand is missing.",
        "There is no second hand.",
        "The clock has no second hand.",
        "No second hand is drawn.",
        "A second hand is never drawn on the canvas.",
        "The script does not draw a second hand.",
        "The seconds hand is not implemented.",
        "The code fails to draw the hand for seconds.",
        "Only the hour and minute hands are drawn; the second hand is absent.",
        "The hand that shows the seconds is missing from the clock face.",
        "It lacks a second hand.",
        "The clock face lacks the second hand.",
        "draw() omits the second hand.",
        "Second hand not shown.",
        "The second hand isn't displayed.",
        "You forgot to draw the second hand.",
        "The app should draw a second hand but doesn't.",
        "The second hand needs to be added.",
        "Please add a second hand.",
        "Missing second hand in the drawing code.",
        "Requirement R2 is not met because the second hand is missing.",
        "There isn't any hand for the seconds.",
        "The clock shows only two hands, without the one for seconds.",
        "A hand for seconds is not included in the drawing.",
        "The seconds are not displayed by a hand.",
        "Seconds hand absent",
        "The program never creates a second hand.",
        "The implementation does not include a second hand.",
        "The third hand, for seconds, is missing.",
        "The clock does not display the second hand at all.",
    ];

    #[test]
    fn thirty_ways_to_say_that_something_is_missing_say_the_same() {
        let first = Wording::of(MISSING[0]);
        for text in MISSING {
            assert!(first.says(&Wording::of(text)), "{text}");
        }
    }

    #[test]
    fn different_points_about_one_thing_do_not_say_the_same() {
        for (a, b) in [
            ("the second hand is missing", "the second hand is drawn too short"),
            ("the hour hand is missing", "the second hand is missing"),
            ("the hour hand is missing", "the hour hand points to the wrong hour"),
            ("The hour hand does not move between the hours", "The minute hand does not move"),
            ("The file is not closed", "The file is not checked for existence"),
            ("does not handle an empty list", "does not handle negative numbers"),
            ("The title is missing", "The window's size is not set"),
            ("The sum is printed without a label", "The mean is printed without a label"),
            ("does not print the sum", "does not print the sum of negative numbers"),
            (
                "The average of an empty list divides by zero",
                "The average is rounded to an integer",
            ),
            ("Non-numeric columns are not skipped", "Empty cells are not skipped"),
            (
                "The game does not end when the word is guessed",
                "The game does not end after six wrong guesses",
            ),
            ("The word is not shown when the player loses", "The letters guessed are not shown"),
            ("argparse is not used", "The --once option is not implemented"),
            (
                "The median of an even number of values is wrong",
                "The median of an empty column crashes",
            ),
            ("The x axis has no label", "The y axis has no label"),
            ("no hour marks are drawn", "no hour hand is drawn"),
            ("The color of the hands is not set", "The length of the hands is not set"),
            ("negative input is not refused", "input that is not a number is not refused"),
            ("The output file is overwritten without asking", "The output file is not closed"),
            ("The header row is counted as data", "The header row is not printed"),
            ("there are 2 hands, not 3", "there are 3 hands, not 4"),
            (
                "Raises KeyError when the column is missing",
                "Raises ValueError when the cell is empty",
            ),
            ("The password is shown in plain text", "The password is not checked"),
            ("The loop never ends", "The loop skips the last element"),
        ] {
            assert!(!Wording::of(a).says(&Wording::of(b)), "{a} / {b}");
            assert!(!Wording::of(a).reverses(&Wording::of(b)), "{a} / {b}");
        }
    }

    #[test]
    fn what_asks_for_the_opposite_is_seen_and_nothing_else_is() {
        for (a, b) in [
            ("The title is missing.", "Remove the title, nobody asked for it."),
            ("The title is missing", "The title is unnecessary."),
            ("There is no second hand.", "The second hand should be removed."),
            (
                "The numbers should be printed with two decimals.",
                "The numbers should not be printed with two decimals.",
            ),
            ("Use a for loop instead of a while loop.", "Use a while loop instead of a for loop."),
            ("The hands are too long.", "The hands are too short."),
            ("The window is too small", "The window is too large"),
            ("The result is not rounded.", "The result must not be rounded."),
            ("Error messages are missing.", "The error messages are not needed."),
            ("A docstring is missing in draw().", "The docstring in draw() is superfluous."),
            ("The font should be larger.", "The font should be smaller."),
            ("Add a border around the face.", "The border around the face is not wanted."),
        ] {
            let (a, b) = (Wording::of(a), Wording::of(b));
            assert!(a.reverses(&b) && b.reverses(&a) && !a.says(&b), "{:?} {:?}", a.words, b.words);
        }
        for (a, b) in [
            ("The title is missing.", "The title is too long."),
            ("The hands are too long.", "The hands are missing."),
            ("There is no second hand.", "The second hand should not jump."),
            ("The file is not closed", "The file should not be opened twice"),
            ("The result is not rounded.", "The result is not printed."),
            ("no hour marks are drawn", "the hour marks are drawn too small"),
            ("input is not checked", "Remove the unused import"),
            ("Use a for loop instead of recursion", "Use a while loop instead of a for loop."),
            ("The output should be sorted", "The output should not contain duplicates"),
        ] {
            assert!(!Wording::of(a).reverses(&Wording::of(b)), "{a} / {b}");
        }
        for a in MISSING {
            assert!(MISSING.iter().all(|b| !Wording::of(a).reverses(&Wording::of(b))), "{a}");
        }
    }

    #[test]
    fn slips_and_other_languages_are_no_other_points() {
        for (a, b, same) in [
            ("The second hand is missing", "the secnd hand is missing", true),
            ("Der Sekundenzeiger fehlt", "Der Sekundenzeiger fehlt.", true),
            ("秒針がありません", "秒針がありません。", true),
            ("秒針がありません", "時刻が間違っています", false),
            ("is wrong", "is wrong!", true),
            ("line 12: the title is missing", "line 14: the title is missing", true),
        ] {
            assert_eq!(Wording::of(a).says(&Wording::of(b)), same, "{a} / {b}");
        }
    }
}
