//! The link against schedules computed by hand, and its laws over random traces and senders.

use oyster_emulator::{
    Delivery, Event, Link, LinkConfig, LinkFigures, Loss, MAX_IN_FLIGHT_PACKETS, OPPORTUNITY_BYTES, QueueDiscipline,
    QueueLimit, Reordering, Trace,
};
use proptest::prelude::*;
use std::time::Duration;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn bare() -> LinkConfig {
    LinkConfig { one_way_delay: Duration::ZERO, ..LinkConfig::default() }
}

fn link(trace: &str, config: &LinkConfig) -> Link<u32> {
    Link::new(Trace::parse(trace.as_bytes()).expect("a good trace"), config)
}

/// (packet, arrival, queue delay) in ms, for everything that has arrived by then.
fn arrivals(link: &mut Link<u32>, until_ms: u64) -> Vec<(u32, u64, u64)> {
    std::iter::from_fn(|| link.poll(ms(until_ms)))
        .map(|delivery| (delivery.packet, delivery.arrival.as_millis() as u64, delivery.queue_delay.as_millis() as u64))
        .collect()
}

fn log(link: &mut Link<u32>) -> Vec<String> {
    std::iter::from_fn(|| link.poll_event()).map(|event| event.line(0)).collect()
}

#[test]
fn packets_leave_at_the_opportunities_of_the_trace() {
    let mut link = link("2\n3\n3\n7\n", &bare());
    (1..=4).for_each(|packet| link.send(packet, 1500, ms(0)));
    assert_eq!(arrivals(&mut link, 100), [(1, 2, 2), (2, 3, 3), (3, 3, 3), (4, 7, 7)]);
}

#[test]
fn the_trace_starts_over_at_its_last_time() {
    let mut link = link("2\n3\n3\n7\n", &bare());
    (1..=9).for_each(|packet| link.send(packet, 1500, ms(4)));
    let times: Vec<u64> = arrivals(&mut link, 100).iter().map(|&(_, at, _)| at).collect();
    assert_eq!(times, [7, 9, 10, 10, 14, 16, 17, 17, 21]);
}

#[test]
fn a_link_that_does_not_repeat_dies_at_the_end_of_its_trace() {
    let mut link = link("2\n3\n", &LinkConfig { repeat: false, ..bare() });
    (1..=3).for_each(|packet| link.send(packet, 1500, ms(0)));
    assert!(!link.is_over());
    assert_eq!(link.end(), Some(ms(3)));
    assert_eq!(arrivals(&mut link, 100), [(1, 2, 2), (2, 3, 3)]);
    assert!(link.is_over());
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn the_start_offset_is_modulo_the_period() {
    for start_ms in [5, 5 + 7, 5 + 700] {
        let mut link = link("2\n3\n3\n7\n", &LinkConfig { start_ms, ..bare() });
        (1..=3).for_each(|packet| link.send(packet, 1500, ms(0)));
        assert_eq!(arrivals(&mut link, 100), [(1, 2, 2), (2, 4, 4), (3, 5, 5)]);
    }
}

#[test]
fn an_opportunity_in_the_millisecond_of_an_arrival_comes_before_it() {
    let mut link = link("5\n", &bare());
    link.send(1, 100, ms(5));
    link.send(2, 100, Duration::from_micros(10_900));
    assert_eq!(arrivals(&mut link, 100), [(1, 10, 5), (2, 15, 5)]);
}

#[test]
fn an_opportunity_with_an_empty_queue_is_wasted() {
    let mut link = link("1\n", &bare());
    link.send(1, 1500, ms(50));
    link.send(2, 1500, ms(50));
    assert_eq!(arrivals(&mut link, 100), [(1, 51, 1), (2, 52, 2)]);
    assert_eq!(link.figures().opportunities, 100);
}

#[test]
fn small_packets_share_an_opportunity_and_a_straddling_one_leaves_with_its_last_byte() {
    // 600 + 600 + 300 of the third; its other 300, and 1200 of the 4000; 1500; its last 1300, then 200 of the fifth.
    let mut link = link("10\n", &bare());
    for (packet, bytes) in [(1, 600), (2, 600), (3, 600), (4, 4000), (5, 201)] {
        link.send(packet, bytes, ms(0));
    }
    assert_eq!(arrivals(&mut link, 1000), [(1, 10, 10), (2, 10, 10), (3, 20, 20), (4, 40, 40), (5, 50, 50)]);
}

#[test]
fn what_an_opportunity_has_left_over_is_not_saved() {
    let mut link = link("10\n", &bare());
    link.send(1, 100, ms(0));
    link.send(2, 1600, ms(15));
    assert_eq!(arrivals(&mut link, 1000), [(1, 10, 10), (2, 30, 15)]);
}

#[test]
fn mahimahi_serves_1504_bytes_an_opportunity() {
    let mut link = link("10\n", &LinkConfig { opportunity_bytes: 1504, ..bare() });
    link.send(1, 1504, ms(0));
    link.send(2, 1505, ms(0));
    assert_eq!(arrivals(&mut link, 1000), [(1, 10, 10), (2, 30, 30)]);
}

#[test]
fn propagation_comes_before_the_queue() {
    let mut link = link("7\n", &LinkConfig::default());
    link.send(1, 1500, ms(0)); // joins the queue at 20, leaves at 21
    link.send(2, 1500, ms(1)); // joins at 21, just after that opportunity
    assert_eq!(arrivals(&mut link, 20), []);
    assert_eq!(arrivals(&mut link, 1000), [(1, 21, 1), (2, 28, 7)]);
}

#[test]
fn drop_tail_counts_what_waits_and_not_what_is_in_service() {
    let mut link = link("10\n", &LinkConfig { queue: QueueDiscipline::drop_tail_packets(2), ..bare() });
    link.send(1, 2000, ms(0));
    assert_eq!(arrivals(&mut link, 10), []); // 500 bytes of it are still in service
    (2..=4).for_each(|packet| link.send(packet, 1000, ms(11)));
    assert_eq!(arrivals(&mut link, 1000), [(1, 20, 20), (2, 20, 9), (3, 30, 19)]);
    assert_eq!(link.figures().dropped_packets, 1);
}

#[test]
fn drop_tail_by_bytes_takes_exactly_its_limit() {
    let mut link = link("10\n", &LinkConfig { queue: QueueDiscipline::drop_tail_bytes(3000), ..bare() });
    for (packet, bytes) in [(1, 1500), (2, 1500), (3, 1)] {
        link.send(packet, bytes, ms(0));
    }
    assert_eq!(arrivals(&mut link, 1000), [(1, 10, 10), (2, 20, 20)]);
}

#[test]
fn the_log_is_mahimahis() {
    let queue = QueueDiscipline::DropTail(QueueLimit { packets: Some(1), bytes: None });
    let mut link = link("2\n3\n3\n7\n", &LinkConfig { queue, record_events: true, ..bare() });
    link.send(1, 2000, ms(0));
    link.send(2, 100, ms(0));
    link.send(3, 200, ms(2));
    link.send(4, 300, ms(4));
    link.poll(ms(3));
    link.poll(ms(3));
    assert_eq!(arrivals(&mut link, 10), [(4, 7, 3)]);
    let lines = log(&mut link);
    assert_eq!(
        lines,
        [
            "0 + 2000",
            "0 + 100",
            "0 d 1 100",
            "2 # 1500",
            "2 + 200",
            "3 # 1500",
            "3 - 2000 3",
            "3 - 200 1",
            "3 # 1500",
            "4 + 300",
            "7 # 1500",
            "7 - 300 3",
            "9 # 1500",
            "10 # 1500",
            "10 # 1500",
        ]
    );
}

#[test]
fn the_timeout_is_the_next_arrival() {
    let mut link = link("2\n3\n3\n7\n", &LinkConfig { one_way_delay: ms(4), ..bare() });
    assert_eq!(link.poll_timeout(), None);
    link.send(1, 4000, ms(0)); // joins at 4, served at 7, 9, 10
    assert_eq!(link.poll_timeout(), Some(ms(7)));
    assert_eq!(link.poll(ms(7)), None);
    assert_eq!(link.poll_timeout(), Some(ms(10)));
    let expected = Delivery { packet: 1, wire_bytes: 4000, arrival: ms(10), queue_delay: ms(6) };
    assert_eq!(link.poll(ms(10)), Some(expected));
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn codel_on_the_link_drops_when_the_wait_lasts() {
    let words = QueueDiscipline::from_words("codel", "packets=1000, target=5, interval=100").unwrap();
    let mut link = link("1\n", &LinkConfig { queue: words, ..bare() });
    (0..400).for_each(|at_ms| (0..2).for_each(|_| link.send(0, 1500, ms(at_ms))));
    let delivered = arrivals(&mut link, 10_000).len() as u64;
    assert!((2..100).contains(&link.figures().dropped_packets), "{:?}", link.figures());
    assert_eq!(delivered + link.figures().dropped_packets, 800);
}

#[test]
fn one_packet_is_late_and_the_next_overtakes_it() {
    let reordering = Reordering { probability: 0.1, extra_delay: ms(100) };
    let mut link = link("1\n", &LinkConfig { reordering, seed: 3, ..bare() });
    (0..1000).for_each(|packet| link.send(packet, 100, ms(u64::from(packet) * 5)));
    let order = arrivals(&mut link, 10_000);
    let overtaken = order.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
    let latest = order.iter().map(|&(packet, at_ms, _)| at_ms - u64::from(packet) * 5).max();
    assert!((70..130).contains(&overtaken), "{overtaken}");
    assert!((90..=101).contains(&latest.unwrap()), "{latest:?}");
    assert_eq!(order.len(), 1000);
}

#[test]
fn duplicates_come_right_behind_their_originals() {
    let mut link = link("1\n", &LinkConfig { duplicate_probability: 1.0, ..bare() });
    link.send(1, 1500, ms(0));
    link.send(2, 1500, ms(0));
    assert_eq!(arrivals(&mut link, 100), [(1, 1, 1), (1, 2, 2), (2, 3, 3), (2, 4, 4)]);
    assert_eq!(link.figures().duplicated_packets, 2);
}

#[test]
fn the_same_seed_gives_the_same_log_and_another_seed_another() {
    let run = |seed| {
        let config = LinkConfig {
            loss: Loss::bursts(0.05, 4.0),
            reordering: Reordering { probability: 0.1, extra_delay: ms(30) },
            duplicate_probability: 0.05,
            seed,
            record_events: true,
            ..LinkConfig::default()
        };
        let mut link = link("1\n4\n9\n", &config);
        (0..500).for_each(|packet| link.send(packet, 700, ms(u64::from(packet) * 3)));
        while link.poll(ms(10_000)).is_some() {}
        log(&mut link)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_link_that_nobody_polls_stays_bounded() {
    let mut link = link("1\n", &bare());
    (0..MAX_IN_FLIGHT_PACKETS as u32 + 7).for_each(|packet| link.send(packet, 1500, ms(0)));
    assert_eq!(link.figures().dropped_packets, 7);
}

#[test]
fn a_sleep_of_centuries_takes_no_time() {
    let mut link = link("0\n1\n", &LinkConfig { record_events: true, ..LinkConfig::default() });
    assert_eq!(link.poll(Duration::from_secs(10_000_000_000)), None);
    link.send(1, 1500, Duration::MAX);
    assert_eq!(link.poll(Duration::from_secs(20_000_000_000)), None);
    assert_eq!(link.poll_timeout(), None, "its time is not on the clock");
}

/// A random link and what is sent over it: (ms since the last packet, bytes).
fn any_run() -> impl Strategy<Value = (Trace, LinkConfig, Vec<(u64, usize)>)> {
    let trace = (proptest::collection::vec(0_u64..9, 0..20), 1_u64..9).prop_map(|(steps, last)| {
        let times = steps.into_iter().chain([last]).scan(0, |at_ms, step| {
            *at_ms += step;
            Some(*at_ms)
        });
        let text: String = times.map(|at_ms| format!("{at_ms}\n")).collect();
        Trace::parse(text.as_bytes()).expect("a good trace")
    });
    let config = (0_u64..30, 0_u64..100, 1_u64..40).prop_map(|(delay_ms, start_ms, packets)| LinkConfig {
        one_way_delay: ms(delay_ms),
        start_ms,
        queue: QueueDiscipline::drop_tail_packets(packets),
        record_events: true,
        ..LinkConfig::default()
    });
    (trace, config, proptest::collection::vec((0_u64..12, 1_usize..3000), 0..80))
}

/// Sends it all, polling at every packet if `eager`, else only at the end. Gives the deliveries.
fn run(link: &mut Link<u32>, sends: &[(u64, usize)], eager: bool) -> Vec<Delivery<u32>> {
    let mut deliveries = Vec::new();
    let mut now_ms = 0;
    for (packet, &(wait_ms, bytes)) in sends.iter().enumerate() {
        now_ms += wait_ms;
        if eager {
            deliveries.extend(std::iter::from_fn(|| link.poll(ms(now_ms))));
        }
        link.send(packet as u32, bytes, ms(now_ms));
    }
    deliveries.extend(std::iter::from_fn(|| link.poll(ms(1_000_000))));
    deliveries
}

proptest! {
    #[test]
    fn no_window_delivers_more_than_its_opportunities((trace, config, sends) in any_run()) {
        let mut link = Link::new(trace.clone(), &config);
        let deliveries = run(&mut link, &sends, true);
        let start_ms = config.start_ms % trace.period_ms();
        let arrival_ms = |delivery: &Delivery<u32>| delivery.arrival.as_millis() as u64;
        for (first, from) in deliveries.iter().enumerate() {
            let mut bytes = 0;
            for to in &deliveries[first..] {
                bytes += to.wire_bytes as u64;
                let window_ms = start_ms + arrival_ms(from)..start_ms + arrival_ms(to) + 1;
                // What the window's first packet had served before the window is the only thing that may come on top.
                let before = from.wire_bytes as u64;
                prop_assert!(bytes <= trace.capacity_bytes(window_ms) + before);
            }
        }
        if let Some(last) = deliveries.last() {
            let capacity = trace.opportunities(start_ms).take_while(|&at_ms| at_ms <= arrival_ms(last)).count() as u64;
            prop_assert!(link.figures().delivered_bytes <= capacity * OPPORTUNITY_BYTES);
        }
    }

    #[test]
    fn packets_stay_in_order_and_none_is_lost_below_the_limit((trace, config, sends) in any_run()) {
        let config = LinkConfig { queue: QueueDiscipline::drop_tail_packets(sends.len() as u64 + 1), ..config };
        let deliveries = run(&mut Link::new(trace, &config), &sends, true);
        let packets: Vec<u32> = deliveries.iter().map(|delivery| delivery.packet).collect();
        prop_assert_eq!(packets, (0..sends.len() as u32).collect::<Vec<_>>());
    }

    #[test]
    fn every_packet_is_delivered_lost_or_dropped((trace, config, sends) in any_run(), loss in 0.0..0.5) {
        let mut link = Link::new(trace, &LinkConfig { loss: Loss::Random(loss), ..config });
        run(&mut link, &sends, false);
        let LinkFigures { sent_packets, lost_packets, dropped_packets, delivered_packets, .. } = link.figures();
        prop_assert_eq!(sent_packets, sends.len() as u64);
        prop_assert_eq!(lost_packets + dropped_packets + delivered_packets, sent_packets);
    }

    #[test]
    fn how_often_one_asks_changes_nothing((trace, config, sends) in any_run()) {
        let (mut eager, mut lazy) = (Link::new(trace.clone(), &config), Link::new(trace, &config));
        prop_assert_eq!(run(&mut eager, &sends, true), run(&mut lazy, &sends, false));
        prop_assert_eq!(eager.figures(), lazy.figures());
        let events = |link: &mut Link<u32>| std::iter::from_fn(|| link.poll_event()).take(20_000).collect::<Vec<Event>>();
        prop_assert_eq!(events(&mut eager), events(&mut lazy));
    }

    #[test]
    fn nothing_arrives_before_the_timeout_and_something_soon_after((trace, config, sends) in any_run()) {
        let mut link = Link::new(trace, &config);
        sends.iter().for_each(|&(_, bytes)| link.send(0, bytes, ms(0)));
        let mut wakes = 0;
        while let Some(at) = link.poll_timeout() {
            if let Some(before) = at.checked_sub(ms(1)) {
                prop_assert_eq!(link.poll(before), None);
            }
            while let Some(delivery) = link.poll(at) {
                prop_assert_eq!(delivery.arrival, at);
            }
            wakes += 1;
            prop_assert!(wakes <= 2 * sends.len() + 1, "it wakes for packets, not for opportunities");
        }
    }

    #[test]
    fn an_age_delivers_the_rest(bytes in proptest::collection::vec(0_usize..5000, 1..40)) {
        let mut link = link("3\n3\n8\n", &bare());
        bytes.iter().for_each(|&bytes| link.send(0, bytes, ms(0)));
        prop_assert_eq!(arrivals(&mut link, 100_000).len(), bytes.len());
        prop_assert_eq!((link.queued_packets(), link.queued_bytes()), (0, 0));
    }
}
