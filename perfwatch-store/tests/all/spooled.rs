//! What becomes of frames while the store is away for longer than memory lasts.

use std::{fs, ops::Range, path::PathBuf, sync::Arc, time::Duration};

use perfwatch_store::{
    BatchMetricsWriter, HostIdentity, MemoryStore, RangeQuery, Record, Spool, Store, WriterCounts,
    WriterOptions, WriterStatus,
};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::{
    fixture::{SECOND, START, ask, every, noise, record, select, show},
    moody::{Mood, Moody},
};

const MIB: u64 = 1 << 20;
const MOMENT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);

/// A store, and a directory in which processes follow one another.
struct Scene {
    store: Arc<Moody>,
    directory: TempDir,
    options: WriterOptions,
    spool_bytes: u64,
}

impl Scene {
    fn new(mood: Mood) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = WriterOptions { batch: 16, ..WriterOptions::default() };
        Self { store: Moody::new(mood), directory, options, spool_bytes: MIB }
    }

    fn spool(&self) -> PathBuf {
        self.directory.path().join("spool")
    }

    fn start(&self) -> BatchMetricsWriter {
        let spool = Spool::open(&self.spool(), self.spool_bytes).unwrap();
        let store = Arc::clone(&self.store) as Arc<dyn Store>;
        BatchMetricsWriter::spawn_with_spool(store, self.options.clone(), spool)
    }

    fn mood(&self, mood: Mood) {
        self.store.mood.send_replace(mood);
    }

    /// The frames that the store took, as seconds, in order.
    fn taken(&self) -> Vec<i64> {
        let taken = self.store.taken.lock().unwrap();
        taken.iter().map(|(_, time)| (time - START) / SECOND).collect()
    }

    async fn held(&self) -> u64 {
        self.store.usage().await.unwrap().frames
    }

    /// How many frames are set aside beside the spool.
    fn aside(&self) -> u64 {
        let aside = fs::read_to_string(self.spool().join("refused.jsonl")).unwrap_or_default();
        aside.lines().count() as u64
    }

    /// The names of all files in the spool.
    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.spool()).unwrap();
        let mut names: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// A frame for each second, of a load and a part that follow from it.
fn frames(seconds: Range<i64>) -> Vec<Record> {
    let frame = |second: i64| {
        let load = second as f64 / 7.0;
        record("a", START + second * SECOND, Some(load), &[("sd a", -load)])
    };
    seconds.map(frame).collect()
}

/// A frame each second.
async fn pass(writer: &BatchMetricsWriter, seconds: Range<i64>) {
    for record in frames(seconds) {
        writer.push(record);
        exact(writer.counts());
        sleep(Duration::from_secs(1)).await;
        exact(writer.counts());
    }
}

#[track_caller]
fn exact(counts: WriterCounts) {
    assert_eq!(counts.expected, counts.stored + counts.waiting + counts.dropped, "{counts:?}");
    assert!(counts.spooled <= counts.waiting, "{counts:?}");
    assert!(counts.set_aside + counts.damaged <= counts.dropped, "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn no_disk_is_touched_while_the_store_takes_frames() {
    let scene = Scene::new(Mood::Works);
    let writer = scene.start();
    pass(&writer, 0..30).await;
    assert_eq!(scene.files(), ["lock"]);
    scene.mood(Mood::Away);
    pass(&writer, 30..35).await;
    assert_eq!(scene.files(), ["lock"]);
    scene.mood(Mood::Works);
    sleep(LONG).await;
    assert_eq!(scene.files(), ["lock"]);
    assert_eq!(scene.taken(), (0..35).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_goes_to_the_disk_and_comes_back_in_order() {
    let scene = Scene::new(Mood::Away);
    let writer = scene.start();
    pass(&writer, 0..300).await;
    let counts = writer.counts();
    assert_eq!((counts.expected, counts.waiting, counts.dropped), (300, 300, 0));
    // No more than what came within the last seconds is in memory.
    assert!(counts.spooled >= 285 && counts.spool_bytes > 0, "{counts:?}");

    scene.mood(Mood::Works);
    let back = Instant::now();
    while writer.counts().waiting > 0 {
        sleep(MOMENT).await;
    }
    assert!(back.elapsed() <= Duration::from_secs(11), "{:?}", back.elapsed());
    pass(&writer, 300..310).await;
    let counts = writer.counts();
    assert_eq!((counts.stored, counts.spooled, counts.spool_bytes), (310, 0, 0));
    assert_eq!(scene.taken(), (0..310).collect::<Vec<_>>());
    assert_eq!((scene.held().await, scene.files()), (310, vec!["lock".to_owned()]));

    // The way over the disk changed no value.
    let direct = MemoryStore::default();
    direct.append(&frames(0..310)).await.unwrap();
    let selection = select("a", &["app.load", "app.parts.*.*"], START, START + 310 * SECOND);
    let query = RangeQuery { selection, ..ask(0, 0) };
    let (spooled, direct) = (scene.store.range(&query).await, direct.range(&query).await);
    assert_eq!(show(&spooled.unwrap(), START), show(&direct.unwrap(), START));
}

#[tokio::test(start_paused = true)]
async fn large_frames_go_to_the_disk_while_the_store_is_waited_for() {
    for mood in [Mood::Hangs, Mood::Mute] {
        let mut scene = Scene::new(mood);
        // Room for 6 s at 10 frames of 9 KiB per second; a try takes 8 s.
        (scene.options.memory_bytes, scene.spool_bytes) = (560 << 10, 256 * MIB);
        scene.options.identity = Some(identity());
        let writer = scene.start();
        for record in noise(500, every(100, START, START + 40 * SECOND)) {
            writer.push(record);
            exact(writer.counts());
            sleep(Duration::from_millis(100)).await;
        }
        let counts = writer.counts();
        assert_eq!((counts.expected, counts.dropped), (400, 0), "{mood:?}: {counts:?}");
        let WriterStatus::Degraded { .. } = writer.status() else { panic!("{mood:?}") };
        scene.mood(Mood::Works);
        sleep(LONG).await;
        let counts = writer.counts();
        assert_eq!((counts.stored, counts.waiting, counts.dropped), (400, 0, 0), "{mood:?}");
        let taken = scene.store.taken.lock().unwrap();
        assert!(taken.len() == 400 && taken.is_sorted(), "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_slower_than_memory_lasts_gets_less_at_once() {
    let mut scene = Scene::new(Mood::Away);
    // A batch of 64 takes 6.4 s, and memory is full after that.
    (scene.options.memory_bytes, scene.spool_bytes) = (560 << 10, 256 * MIB);
    scene.options.batch = 64;
    let writer = scene.start();
    for (number, record) in (0..).zip(noise(500, every(111, START, START + 100 * SECOND))) {
        if number == 200 {
            scene.mood(Mood::Slow);
        }
        writer.push(record);
        sleep(Duration::from_millis(111)).await;
    }
    let counts = writer.counts();
    assert!(counts.stored > 100 && counts.dropped == 0, "{counts:?}");
    sleep(LONG * 2).await;
    let counts = writer.counts();
    assert_eq!((counts.expected, counts.stored, counts.dropped), (901, 901, 0), "{counts:?}");
    assert!(scene.store.taken.lock().unwrap().is_sorted());
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_the_spool_costs_the_oldest_and_no_other() {
    let mut scene = Scene::new(Mood::Away);
    scene.spool_bytes = MIB / 4;
    let writer = scene.start();
    pass(&writer, 0..5000).await;
    let counts = writer.counts();
    assert!(counts.dropped > 100 && counts.waiting > 100, "{counts:?}");
    assert!(counts.spool_bytes <= scene.spool_bytes, "{counts:?}");
    scene.mood(Mood::Works);
    sleep(LONG).await;
    let counts = writer.counts();
    assert_eq!((counts.expected, counts.waiting), (5000, 0));
    assert_eq!(scene.taken(), (counts.dropped.cast_signed()..5000).collect::<Vec<_>>());
    assert_eq!(scene.held().await, counts.stored);
}

#[tokio::test(start_paused = true)]
async fn what_a_shutdown_leaves_is_there_at_the_next_start() {
    for mood in [Mood::Away, Mood::Hangs, Mood::Mute] {
        let scene = Scene::new(mood);
        let writer = scene.start();
        pass(&writer, 0..25).await;
        let begun = Instant::now();
        let counts = writer.shutdown(Duration::from_secs(3)).await;
        assert!(begun.elapsed() < Duration::from_secs(3), "{mood:?}: {:?}", begun.elapsed());
        let all = WriterCounts { expected: 25, waiting: 25, spooled: 25, ..counts };
        assert_eq!(counts, all, "{mood:?}");
        drop(writer);

        scene.mood(Mood::Works);
        let writer = scene.start();
        let counts = writer.counts();
        assert_eq!((counts.expected, counts.waiting), (25, 25), "{mood:?}");
        pass(&writer, 25..30).await;
        let counts = writer.shutdown(Duration::from_secs(3)).await;
        let all = WriterCounts { expected: 30, stored: 30, ..WriterCounts::default() };
        assert_eq!(counts, all, "{mood:?}");
        assert_eq!(scene.taken(), (0..30).collect::<Vec<_>>(), "{mood:?}");
        assert_eq!(scene.held().await, 30, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_nothing_is_noticed_and_nothing_counts_twice() {
    for mood in [Mood::Hangs, Mood::Mute] {
        let scene = Scene::new(Mood::Works);
        let writer = scene.start();
        pass(&writer, 0..5).await;
        scene.mood(mood);
        pass(&writer, 5..15).await;
        let WriterStatus::Degraded { reason, .. } = writer.status() else { panic!("{mood:?}") };
        assert_eq!(reason, "the store is not available: it gave no answer within 8 s");
        pass(&writer, 15..120).await;
        scene.mood(Mood::Works);
        sleep(LONG).await;
        let counts = writer.counts();
        assert_eq!((counts.stored, counts.waiting, counts.dropped), (120, 0, 0), "{mood:?}");
        assert_eq!(scene.taken(), (0..120).collect::<Vec<_>>(), "{mood:?}");
        assert_eq!(scene.held().await, 120, "{mood:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_frame_is_set_aside_and_the_others_go_on_in_order() {
    let scene = Scene::new(Mood::Away);
    let bad = [3, 17, 18, 40, 99];
    *scene.store.refused.lock().unwrap() = bad.map(|second| START + second * SECOND).into();
    let writer = scene.start();
    pass(&writer, 0..50).await;
    scene.mood(Mood::Works);
    pass(&writer, 50..100).await;
    sleep(LONG).await;
    let counts = writer.counts();
    assert_eq!((counts.stored, counts.waiting, counts.dropped), (95, 0, 5));
    assert_eq!(counts.set_aside, 5);
    let good: Vec<i64> = (0..100).filter(|second| !bad.contains(second)).collect();
    assert_eq!(scene.taken(), good);
    assert_eq!(scene.files(), ["lock", "refused.jsonl"]);
    let aside = fs::read_to_string(scene.spool().join("refused.jsonl")).unwrap();
    let times = bad.map(|second| format!("{{\"timestamp_ms\":{},", START + second * SECOND));
    assert!(aside.lines().zip(&times).all(|(line, start)| line.starts_with(start)), "{aside}");
    assert_eq!(aside.lines().count(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_all_without_a_word_is_waited_for() {
    let scene = Scene::new(Mood::Broken);
    let writer = scene.start();
    pass(&writer, 0..120).await;
    let counts = writer.counts();
    assert_eq!((counts.dropped, counts.waiting), (0, 120));
    scene.mood(Mood::Works);
    sleep(LONG).await;
    assert_eq!(scene.taken(), (0..120).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_every_frame_does_not_empty_the_spool() {
    let scene = Scene::new(Mood::Away);
    let writer = scene.start();
    pass(&writer, 0..1000).await;
    let appends = || scene.store.appends.load(std::sync::atomic::Ordering::Relaxed);
    let before = appends();
    scene.mood(Mood::Refuses);
    pass(&writer, 1000..1600).await;
    let counts = writer.counts();
    // Eight, and then one a minute.
    assert!((16..=19).contains(&counts.set_aside), "{counts:?}");
    assert_eq!((counts.dropped, counts.stored), (counts.set_aside, 0));
    let WriterStatus::Degraded { reason, summary, .. } = writer.status() else { panic!() };
    assert!(reason.contains("the store itself") && reason.contains("too many series"), "{reason}");
    assert_eq!(summary, "it refuses every frame");
    // It is asked as often as one that is away, and five times more for each that is given up.
    let appends = appends() - before;
    assert!(appends < 120 + 20 * 5, "{appends}");

    // The operator raised the limit.
    scene.mood(Mood::Works);
    sleep(LONG).await;
    assert_eq!(writer.status(), WriterStatus::Ok);
    let first = counts.set_aside.cast_signed();
    assert_eq!(scene.taken(), (first..1600).collect::<Vec<_>>());
    assert_eq!(writer.counts().dropped, counts.dropped);
    // It takes frames: nine bad ones in a row are at fault themselves, but for a minute.
    let bad: Vec<i64> = (1600..1609).map(|second| START + second * SECOND).collect();
    *scene.store.refused.lock().unwrap() = bad.into_iter().collect();
    pass(&writer, 1600..1620).await;
    sleep(LONG + LONG).await;
    assert_eq!(writer.counts().dropped, counts.dropped + 9);
    assert_eq!(scene.taken().last(), Some(&1619));
}

#[tokio::test(start_paused = true)]
async fn frames_that_come_too_late_do_not_keep_others_waiting() {
    let scene = Scene::new(Mood::Away);
    let writer = scene.start();
    pass(&writer, 0..1000).await;
    let earliest = START + 700 * SECOND;
    scene.store.earliest.store(earliest, std::sync::atomic::Ordering::Relaxed);
    scene.mood(Mood::Works);
    sleep(LONG).await;
    let counts = writer.counts();
    assert_eq!((counts.stored, counts.dropped, counts.set_aside), (300, 700, 700));
    assert_eq!(scene.taken(), (700..1000).collect::<Vec<_>>());
    assert_eq!(writer.status(), WriterStatus::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_wants_a_pause_gets_it() {
    let scene = Scene::new(Mood::Busy);
    let writer = scene.start();
    pass(&writer, 0..90).await;
    let appends = || scene.store.appends.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(appends(), 1);
    scene.mood(Mood::Works);
    pass(&writer, 90..99).await;
    assert_eq!(appends(), 1);
    sleep(LONG).await;
    assert_eq!(writer.counts().stored, 99);
}

fn identity() -> HostIdentity {
    HostIdentity {
        name: "a".into(),
        id: "0123456789abcdef0123456789abcdef".into(),
        interval_ms: 1000,
        version: "1.2.3".into(),
    }
}

#[tokio::test(start_paused = true)]
async fn frames_get_the_name_that_the_store_gives_also_those_from_before() {
    let mut scene = Scene::new(Mood::Away);
    scene.options.identity = Some(identity());
    let writer = scene.start();
    pass(&writer, 0..30).await;
    writer.shutdown(Duration::from_secs(3)).await;
    assert!(scene.store.registered.lock().unwrap().is_empty());
    drop(writer);

    scene.mood(Mood::Works);
    let writer = scene.start();
    pass(&writer, 30..40).await;
    let taken = scene.store.taken.lock().unwrap().clone();
    assert!(taken.len() == 40 && taken.iter().all(|(host, _)| host == "a-01234567"), "{taken:?}");
    let registered = scene.store.registered.lock().unwrap().clone();
    assert_eq!(registered, [scene.options.identity.clone().unwrap()]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_away_is_told_again_who_writes() {
    let mut scene = Scene::new(Mood::Works);
    scene.options.identity = Some(identity());
    let writer = scene.start();
    let registered = || {
        let registered = scene.store.registered.lock().unwrap();
        registered.iter().map(|host| host.name.to_string()).collect::<Vec<_>>()
    };
    pass(&writer, 0..30).await;
    assert_eq!(registered(), ["a"]);
    // By the name that it had: so that its frames stay together, whoever else comes first.
    for (round, mood) in [(1, Mood::Away), (2, Mood::Mute)] {
        let before = registered().len();
        scene.mood(mood);
        pass(&writer, round * 100..round * 100 + 30).await;
        scene.mood(Mood::Works);
        sleep(LONG).await;
        let again = registered().split_off(before);
        // One that swallows what it is given is told before each try.
        assert!((1..=4).contains(&again.len()), "{mood:?}: {again:?}");
        assert!(again.iter().all(|name| name == "a-01234567"), "{mood:?}: {again:?}");
    }
    // One that asks for a pause is there.
    let before = registered().len();
    scene.mood(Mood::Busy);
    pass(&writer, 400..430).await;
    scene.mood(Mood::Works);
    sleep(LONG * 2).await;
    assert_eq!(registered().len(), before);
    // What nobody noticed is mended within some time.
    sleep(LONG * 60).await;
    pass(&writer, 500..510).await;
    assert_eq!(registered().len(), before + 1);
    assert_eq!(writer.registered_name().as_deref(), Some("a-01234567"));
    let taken = scene.store.taken.lock().unwrap();
    assert!(taken.iter().all(|(host, _)| host == "a-01234567"), "{taken:?}");
    exact(writer.counts());
}

#[tokio::test]
async fn damage_is_counted_and_nothing_overtakes_what_cannot_be_read_now() {
    let mut scene = Scene::new(Mood::Away);
    (scene.options.spool_after, scene.options.longest_retry) = (MOMENT, MOMENT);
    let writer = scene.start();
    frames(0..1500).into_iter().for_each(|frame| writer.push(frame));
    while writer.counts().spooled < 1500 {
        sleep(MOMENT).await;
    }
    let files = scene.files();
    let [first, second, ..] = files.as_slice() else { panic!("{files:?}") };
    let (first, second) = (scene.spool().join(first), scene.spool().join(second));
    let beside = scene.directory.path().join("beside");
    fs::remove_file(first).unwrap();
    fs::rename(&second, &beside).unwrap();
    fs::create_dir(&second).unwrap();
    scene.mood(Mood::Works);
    frames(1500..1510).into_iter().for_each(|frame| writer.push(frame));
    sleep(MOMENT * 10).await;
    exact(writer.counts());
    assert_eq!(writer.counts().stored, 0);
    fs::remove_dir(&second).unwrap();
    fs::rename(&beside, &second).unwrap();
    sleep(MOMENT * 20).await;
    let counts = writer.counts();
    exact(counts);
    assert_eq!((counts.waiting, counts.dropped), (0, counts.damaged));
    assert!(counts.damaged > 100 && counts.stored > 100, "{counts:?}");
    assert!(scene.taken().is_sorted());
    assert_eq!(scene.held().await, counts.stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reaches_the_disk_after_the_deadline_is_not_counted_as_lost() {
    let mut scene = Scene::new(Mood::Away);
    scene.spool_bytes = 256 * MIB;
    let writer = scene.start();
    noise(300, every(SECOND, START, START + 700 * SECOND))
        .into_iter()
        .for_each(|frame| writer.push(frame));
    // Packing them takes longer than this.
    let counts = writer.shutdown(Duration::from_millis(4)).await;
    exact(counts);
    assert_eq!(counts.expected, 700);
    let spool = loop {
        match Spool::open(&scene.spool(), scene.spool_bytes) {
            Ok(spool) => break spool,
            Err(_) => sleep(MOMENT).await,
        }
    };
    assert_eq!((counts.waiting, counts.dropped), (spool.waiting(), 700 - spool.waiting()));
}

/// What happens to a writer.
#[derive(Clone, Debug)]
enum Event {
    Mood(Mood),
    Frames(u8),
    Wait(u8),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    let mood = prop::sample::select(vec![
        Mood::Works,
        Mood::Away,
        Mood::Hangs,
        Mood::Mute,
        Mood::Works,
        Mood::Busy,
        Mood::Refuses,
        Mood::Broken,
    ]);
    prop_oneof![
        3 => mood.prop_map(Event::Mood),
        5 => (1..60_u8).prop_map(Event::Frames),
        2 => (1..40_u8).prop_map(Event::Wait),
        1 => Just(Event::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the store does, and however often the process is stopped: each frame is stored
    /// once, in order, or counted as dropped.
    #[test]
    fn every_frame_is_accounted_for(
        events in prop::collection::vec(event(), 1..30),
        refused in prop::collection::btree_set(0_i64..600, 0..4),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(happen(events, refused.into_iter().collect()));
    }
}

async fn happen(events: Vec<Event>, refused: Vec<i64>) {
    let mut scene = Scene::new(Mood::Works);
    // Little memory, so that the spool is used for that reason too.
    (scene.options.capacity, scene.options.batch) = (64, 8);
    scene.options.identity = Some(identity());
    let times = refused.iter().map(|second| START + second * SECOND);
    *scene.store.refused.lock().unwrap() = times.collect();
    let mut writer = scene.start();
    let mut next = 0;
    for event in events {
        match event {
            Event::Mood(mood) => scene.mood(mood),
            Event::Frames(count) => {
                pass(&writer, next..next + i64::from(count)).await;
                next += i64::from(count);
            }
            Event::Wait(seconds) => sleep(Duration::from_secs(seconds.into())).await,
            Event::Restart => {
                let counts = writer.shutdown(Duration::from_secs(3)).await;
                exact(counts);
                assert_eq!(counts.spooled, counts.waiting);
                drop(writer);
                writer = scene.start();
                let begin = writer.counts();
                assert_eq!((begin.expected, begin.waiting), (counts.waiting, counts.waiting));
            }
        }
        exact(writer.counts());
    }
    scene.mood(Mood::Works);
    // The store may have asked for 100 s.
    sleep(LONG * 4).await;
    let counts = writer.counts();
    exact(counts);
    assert_eq!((counts.waiting, counts.dropped), (0, counts.set_aside));
    let taken = scene.taken();
    assert!(taken.is_sorted_by(|a, b| a < b) && taken.iter().all(|time| !refused.contains(time)));
    assert_eq!(taken.len() as u64 + scene.aside(), next.unsigned_abs());
    assert_eq!(scene.held().await, taken.len() as u64);
}
