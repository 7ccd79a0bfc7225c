//! Hostile clients: floods, bounds, and what is left of them.

mod bounds;
mod evidence;
mod exhaustion;
mod floods;
mod giving_way;
mod heads;
mod many_floods;
mod places;
