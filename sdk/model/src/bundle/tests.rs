use super::*;
use crate::window::Window;

fn at(ms: i64) -> ElementSides {
    ElementSides::at(Timestamp::from_millis(ms))
}

#[test]
fn a_filter_compacts_the_columns_that_vary() {
    let mut bundle: Bundle<i32> = (0..6).map(|i| (i, Timestamp::from_millis(i64::from(i)))).collect();
    bundle.retain(|value| value % 2 == 1);
    let kept: Vec<(i32, i64)> = bundle.drain().map(|(v, s)| (v, s.timestamp.millis())).collect();
    assert_eq!(kept, [(1, 1), (3, 3), (5, 5)]);
}

#[test]
fn append_keeps_every_elements_sides() {
    let mut left = Bundle::new();
    left.push('a', at(1));
    let mut right = Bundle::new();
    right.push('b', at(1));
    right.push('c', at(2));
    left.append(&mut right);
    assert!(right.is_empty());
    let all: Vec<(char, i64)> = left.iter().map(|(v, s)| (*v, s.timestamp.millis())).collect();
    assert_eq!(all, [('a', 1), ('b', 1), ('c', 2)]);
}

#[test]
fn what_an_element_gives_has_its_sides() {
    let mut bundle: Bundle<i64> = [3, 0, 1, 2].map(|n| (n, Timestamp::from_millis(n))).into_iter().collect();
    let mut out = Bundle::new();
    out.push('a', at(7));
    bundle.flat_map_into(&mut out, |n| std::iter::repeat_n('b', n as usize));
    assert!(bundle.is_empty());
    bundle.push(1, at(9));
    bundle.flat_map_into(&mut out, |_| Some('c'));
    bundle.push(1, at(9));
    bundle.flat_map_into(&mut out, |_| None);
    let all: Vec<(char, i64)> = out.iter().map(|(v, s)| (*v, s.timestamp.millis())).collect();
    assert_eq!(all, [('a', 7), ('b', 3), ('b', 3), ('b', 3), ('b', 1), ('b', 2), ('b', 2), ('c', 9)]);
    out.clear();
    [5, 5].into_iter().for_each(|n| bundle.push(n, at(n)));
    bundle.flat_map_into(&mut out, |_| Some('d'));
    assert_eq!(out.sides().timestamps().constant(), Some(Timestamp::from_millis(5)), "sides that do not vary stay one");
}

#[test]
fn split_off_and_append_are_inverse() {
    for cut in 0..=4 {
        let mut bundle: Bundle<i32> = (0..4).map(|i| (i, Timestamp::from_millis(i64::from(i / 2)))).collect();
        let mut tail = bundle.split_off(cut);
        assert_eq!((bundle.len(), tail.len()), (cut, 4 - cut));
        bundle.append(&mut tail);
        let all: Vec<(i32, i64)> = bundle.drain().map(|(v, s)| (v, s.timestamp.millis())).collect();
        assert_eq!(all, [(0, 0), (1, 0), (2, 1), (3, 1)]);
    }
}

#[test]
fn exploding_gives_each_window_its_own_element() {
    let first = Window::new(Timestamp::from_millis(0), Timestamp::from_millis(10));
    let mut bundle = Bundle::new();
    bundle.push("x", ElementSides { windows: WindowSet::run(first, 5, 2), ..at(7) });
    bundle.push("gone", ElementSides { windows: WindowSet::run(first, 5, 0), ..at(7) });
    bundle.push("y", ElementSides { windows: WindowSet::one(first), ..at(3) });
    bundle.explode_windows();
    let all: Vec<(&str, i64)> =
        bundle.iter().map(|(v, s)| (*v, s.windows.single().expect("one window").start.millis())).collect();
    assert_eq!(all, [("x", 0), ("x", 5), ("y", 0)]);
}

#[test]
fn scattering_is_pushing_one_by_one() {
    let windows = |n: i64| Window::new(Timestamp::from_millis(n), Timestamp::from_millis(n + 1)).into();
    let constant: Vec<(i64, ElementSides)> = (0..7).map(|n| (n, at(5))).collect();
    let varying = (0..7).map(|n| (n, ElementSides { windows: windows(n / 3), ..at(n) })).collect();
    let bundle = |elements: &[(i64, ElementSides)]| {
        let mut bundle = Bundle::new();
        elements.iter().for_each(|(value, sides)| bundle.push(*value, *sides));
        bundle
    };
    for held in [vec![], constant.clone(), varying] {
        for more in [&held, &constant, &vec![]] {
            let places: Vec<u8> = (0..more.len()).map(|n| [0, 2, 2, 0][n % 4]).collect();
            let mut expected = [bundle(&held), bundle(&[]), bundle(&held)];
            let mut scattered = expected.clone();
            for ((value, sides), place) in more.iter().zip(&places) {
                expected[usize::from(*place)].push(*value, *sides);
            }
            let mut given = bundle(more);
            given.scatter(&places, &mut scattered.iter_mut().collect::<Vec<_>>());
            assert!(given.is_empty());
            for (mut scattered, mut expected) in scattered.into_iter().zip(expected) {
                assert_eq!(scattered.drain().collect::<Vec<_>>(), expected.drain().collect::<Vec<_>>());
            }
        }
    }
}
