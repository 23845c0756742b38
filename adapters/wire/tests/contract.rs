//! What every codec is held to.

use comptoir_wire::CloudEventsJson;

comptoir_testkit::codec_contract!(CloudEventsJson);
