//! Makes things go wrong, one after the other, as the seed says.

use std::sync::Arc;
use std::time::Duration;

use comptoir_domain::topic::GroupId;
use comptoir_memory::{Faults, Odds};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::shop::Shop;
use crate::tally::Counted;
use crate::world::World;

/// Steps until a fuse burns down, at most.
const LONGEST_FUSE: u32 = 60;
/// Between two faults, at most: some runs are stormy, others hardly disturbed.
const PAUSE_MILLIS: std::ops::RangeInclusive<u64> = 300..=6_000;
/// The longest that something is away or frozen.
const AWAY_MILLIS: u64 = 12_000;
/// By how much a clock may be wrong.
const WRONG_MILLIS: i64 = 120_000;
const GROUPS: [&str; 3] = ["payments-service", "inventories-service", "notifications-service"];

pub(crate) struct Director {
    shop: Arc<Shop>,
    faults: Faults,
    chance: Rng,
    /// What ends by itself after a while.
    spells: JoinSet<()>,
}

impl Director {
    pub(crate) fn new(shop: &Arc<Shop>) -> Self {
        let faults = shop.world.memory.faults();
        let chance = shop.world.chance();
        Self { shop: Arc::clone(shop), faults, chance, spells: JoinSet::new() }
    }

    fn world(&self) -> &World {
        &self.shop.world
    }

    fn tell(&self, what: String) {
        self.world().journal.tell("faults", what);
    }

    /// Goes on until it is dropped.
    pub(crate) async fn direct(mut self) {
        let longest = self.chance.u64(PAUSE_MILLIS);
        loop {
            let pause = self.chance.u64(1..longest);
            sleep(Duration::from_millis(pause)).await;
            while self.spells.try_join_next().is_some() {}
            match self.chance.u32(..100) {
                0..22 => self.light_a_fuse(),
                22..28 => self.crash(),
                28..30 => self.cut_the_power(),
                30..36 => self.stop(),
                36..43 => self.freeze(),
                43..47 => self.expel(),
                47..50 => self.set_back(),
                50..57 => self.take_away(),
                57..63 => self.deafen(),
                63..70 => self.set_a_clock(),
                70..80 => self.change_the_odds(),
                _ => self.plan(),
            }
        }
    }

    fn light_a_fuse(&mut self) {
        if let Some((slot, running)) = self.shop.any_running(&mut self.chance) {
            let steps = self.chance.u32(..LONGEST_FUSE);
            self.tell(format!("{} will crash after {steps} steps", slot.name));
            running.life.light_fuse(steps);
        }
    }

    fn crash(&mut self) {
        if let Some((_, running)) = self.shop.any_running(&mut self.chance) {
            running.life.kill("wherever it is");
        }
    }

    fn cut_the_power(&self) {
        self.world().count(Counted::PowerCuts);
        for running in self.shop.slots.iter().filter_map(|slot| slot.running()) {
            running.life.kill("without power");
        }
    }

    fn stop(&mut self) {
        if let Some((slot, _)) = self.shop.any_running(&mut self.chance) {
            self.world().count(Counted::Stops);
            slot.stop();
        }
    }

    fn freeze(&mut self) {
        if let Some((slot, running)) = self.shop.any_running(&mut self.chance)
            && running.life.freeze()
        {
            self.tell(format!("{} freezes", slot.name));
            self.world().count(Counted::Freezes);
            let (spell, shop) = (self.spell(), Arc::clone(&self.shop));
            self.spells.spawn(async move {
                sleep(spell).await;
                shop.world.journal.tell("faults", format!("{} thaws", slot.name));
                running.life.thaw();
            });
        }
    }

    fn expel(&mut self) {
        let group = self.chance.choice(GROUPS).expect("there are three");
        let group = GroupId::try_from(group).expect("its name is fine");
        if self.faults.expel_member(&group) {
            self.tell(format!("a member of {group} is expelled"));
            self.world().count(Counted::Expulsions);
        }
    }

    fn set_back(&mut self) {
        let name = self.chance.choice(GROUPS).expect("there are three");
        let group = GroupId::try_from(name).expect("its name is fine");
        if self.faults.set_group_back(&group) {
            self.tell(format!("{group} is set back, and a member of it expelled"));
            self.world().count(Counted::SetBacks);
        }
    }

    fn take_away(&mut self) {
        type Switch = fn(&Faults, bool);
        let (name, counted, switch): (_, _, Switch) = if self.chance.bool() {
            ("log", Counted::LogOutages, Faults::set_bus_away)
        } else {
            ("store", Counted::StoreOutages, Faults::set_store_away)
        };
        self.tell(format!("the {name} is away"));
        self.world().count(counted);
        switch(&self.faults, true);
        let (spell, shop, faults) = (self.spell(), Arc::clone(&self.shop), self.faults.clone());
        self.spells.spawn(async move {
            sleep(spell).await;
            shop.world.journal.tell("faults", format!("the {name} is back"));
            switch(&faults, false);
        });
    }

    fn deafen(&mut self) {
        if let Some((slot, running)) = self.shop.any_running(&mut self.chance) {
            self.tell(format!("{} misses its nudges", slot.name));
            running.life.set_deaf(true);
            let spell = self.spell();
            self.spells.spawn(async move {
                sleep(spell).await;
                running.life.set_deaf(false);
            });
        }
    }

    fn set_a_clock(&mut self) {
        let slot = self.chance.choice(&self.shop.slots).map(Arc::clone);
        let wrong_by = self.chance.i64(-WRONG_MILLIS..=WRONG_MILLIS);
        if let Some(slot) = slot {
            self.tell(format!("the clock of {} is now wrong by {wrong_by} ms", slot.name));
            self.world().count(Counted::ClockJumps);
            slot.clock.set_wrong(wrong_by);
        }
    }

    fn change_the_odds(&mut self) {
        let odds = if self.chance.u32(..3) == 0 {
            Odds::default()
        } else {
            Odds {
                fail: self.chance.u32(..60),
                lose_answer: self.chance.u32(..60),
                tear: self.chance.u32(..60),
                conflict: self.chance.u32(..100),
                duplicate: self.chance.u32(..200),
            }
        };
        self.tell(format!("{odds:?}"));
        self.faults.set_odds(odds);
    }

    fn plan(&mut self) {
        type Plan = fn(&Faults, usize);
        const PLANS: [(&str, Plan); 9] = [
            ("publishes fail", Faults::fail_next_publishes),
            ("answers of publishes are lost", Faults::lose_next_publish_answers),
            ("publishes are torn", Faults::tear_next_publishes),
            ("saves fail", Faults::fail_next_saves),
            ("answers of saves are lost", Faults::lose_next_save_answers),
            ("saves are torn", Faults::tear_next_saves),
            ("saves conflict", Faults::conflict_next_saves),
            ("answers of commits are lost", Faults::lose_next_commit_answers),
            ("batches come again", Faults::duplicate_next_batches),
        ];
        let (what, plan) = self.chance.choice(PLANS).expect("there are nine");
        let times = self.chance.usize(1..=4);
        self.tell(format!("the next {times} {what}"));
        plan(&self.faults, times);
    }

    fn spell(&mut self) -> Duration {
        Duration::from_millis(self.chance.u64(200..AWAY_MILLIS))
    }
}
