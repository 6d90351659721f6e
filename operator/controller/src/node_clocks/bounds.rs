//! What follows from whole seconds that another clock says: by how much it is ahead of one's own. Pure.
//!
//! A second that was said between two moments of one's own bounds the difference to both sides by no more than that second and
//! the time between. Seconds that were said at other parts of one's own second narrow it down to the time on the way.

use jiff::Timestamp;

const SECOND: i64 = 1_000;

/// By how many milliseconds the other clock is ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    least: i64,
    most: i64,
}

impl Bounds {
    /// From one answer, which was asked for at `before` and there at `after`.
    pub fn of(before: Timestamp, after: Timestamp, said: Timestamp) -> Self {
        let begun = said.as_second().saturating_mul(SECOND);
        Self {
            least: begun - after.as_millisecond(),
            most: begun + SECOND - before.as_millisecond(),
        }
    }

    /// Both of these.
    pub fn and(self, other: Self) -> Self {
        Self {
            least: self.least.max(other.least),
            most: self.most.min(other.most),
        }
    }

    /// The middle. Of answers that contradict each other (several servers, whose clocks differ) it is between them.
    pub const fn ahead(self) -> i64 {
        self.least.midpoint(self.most)
    }

    /// How far from the middle it may be.
    pub const fn within(self) -> u64 {
        self.most.abs_diff(self.least).div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    /// Answers of a clock that is `ahead`, to questions every 930 ms that take 10 ms each way.
    fn asked(ahead: i64, times: i64) -> Bounds {
        let one = |count: i64| {
            let before = 1_000_000 + 930 * count;
            let said = (before + 10 + ahead).div_euclid(SECOND);
            Bounds::of(at(before), at(before + 20), Timestamp::from_second(said).unwrap())
        };
        (1..times).map(one).fold(one(0), Bounds::and)
    }

    #[test]
    fn whole_seconds_narrow_a_clock_down_to_the_time_on_the_way() {
        for ahead in [0, 7, -7, 499, -1_500, 61_234] {
            let bounds = asked(ahead, 40);
            assert!(
                bounds.ahead().abs_diff(ahead) <= bounds.within(),
                "{ahead}: {bounds:?}"
            );
            assert!(bounds.within() <= 50, "{ahead}: {bounds:?}");
            // One answer says half a second to both sides.
            assert_eq!(asked(ahead, 1).within(), 510);
        }
    }

    #[test]
    fn servers_that_contradict_each_other_are_known_less_exactly() {
        let both = asked(0, 40).and(asked(800, 40));
        assert!(both.within() > 300, "{both:?}");
        assert!((200..600).contains(&both.ahead()), "{both:?}");
    }
}
