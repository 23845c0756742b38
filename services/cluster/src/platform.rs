//! Kafka and MongoDB as one platform.

use comptoir_domain::port::platform::{Log, Stores};
use comptoir_kafka::Kafka;
use comptoir_mongodb::Mongo;

/// The log on Kafka, the stores on MongoDB.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The log.
    pub kafka: Kafka,
    /// The stores.
    pub mongo: Mongo,
}

impl Log for Cluster {
    type Codec = <Kafka as Log>::Codec;
    type Publisher = <Kafka as Log>::Publisher;
    type Reader = <Kafka as Log>::Reader;
    type Groups = <Kafka as Log>::Groups;
    type Admin = <Kafka as Log>::Admin;

    const MODE: &'static str = Kafka::MODE;
    const LOG_NAME: &'static str = Kafka::LOG_NAME;

    fn publisher(&self) -> Self::Publisher {
        self.kafka.publisher()
    }

    fn reader(&self) -> Self::Reader {
        self.kafka.reader()
    }

    fn groups(&self) -> Self::Groups {
        self.kafka.groups()
    }

    fn admin(&self) -> Self::Admin {
        self.kafka.admin()
    }
}

impl Stores for Cluster {
    type Users = <Mongo as Stores>::Users;
    type Payments = <Mongo as Stores>::Payments;
    type Stock = <Mongo as Stores>::Stock;

    const STORE_NAME: &'static str = Mongo::STORE_NAME;

    fn users(&self) -> Self::Users {
        self.mongo.users()
    }

    fn payments(&self) -> Self::Payments {
        self.mongo.payments()
    }

    fn stock(&self) -> Self::Stock {
        self.mongo.stock()
    }
}
