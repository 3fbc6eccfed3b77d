//! 256 things that can be pictured, told apart by their first four letters and, we hope, by ear.

#[rustfmt::skip]
pub(crate) const WORDS: [&str; 256] = [
    "acorn", "actor", "album", "amber", "angel", "ankle", "apple", "apron", "arrow", "aspen", "atlas", "autumn",
    "badge", "bagel", "bamboo", "banjo", "barley", "basket", "beacon", "beaver", "bell", "berry", "bishop",
    "bison", "blanket", "blossom", "bonfire", "bottle", "bridge", "bronze", "bucket", "butter", "cabin", "cactus",
    "camel", "candle", "canyon", "carpet", "castle", "cedar", "cello", "cherry", "chimney", "cider", "cinema",
    "circus", "clock", "clover", "cobra", "coffee", "comet", "copper", "coral", "cotton", "cricket", "crown",
    "cushion", "cypress", "dagger", "dahlia", "dancer", "desert", "diamond", "dinner", "dolphin", "donkey",
    "dragon", "drawer", "drum", "duchess", "eagle", "easel", "echo", "elbow", "elephant", "ember", "emperor",
    "engine", "envelope", "falcon", "farmer", "feather", "ferry", "fiddle", "finger", "flamingo", "flute",
    "forest", "fossil", "fountain", "fox", "freckle", "gallery", "garlic", "gazelle", "geyser", "ginger",
    "giraffe", "glacier", "goblet", "gondola", "granite", "gravel", "guitar", "hammer", "harbour", "harvest",
    "hazel", "hedgehog", "helmet", "heron", "hickory", "honey", "horizon", "hotel", "hunter", "igloo", "indigo",
    "island", "ivory", "jacket", "jaguar", "jasmine", "jelly", "jigsaw", "jungle", "juniper", "kettle", "kitchen",
    "knight", "koala", "ladder", "lagoon", "lantern", "lavender", "lemon", "leopard", "lighter", "lizard",
    "lobster", "lotus", "magnet", "mango", "maple", "marble", "meadow", "melon", "mermaid", "meteor", "mirror",
    "monkey", "mosaic", "mountain", "muffin", "museum", "mustard", "napkin", "nectar", "needle", "noodle",
    "nutmeg", "oasis", "ocean", "octopus", "olive", "onion", "opera", "orchard", "organ", "otter", "oven",
    "paddle", "palace", "panther", "paper", "parrot", "peacock", "pebble", "pelican", "pepper", "piano", "pigeon",
    "pillow", "pirate", "planet", "plum", "pocket", "pony", "poppy", "potato", "puzzle", "pyramid", "quarry",
    "quilt", "rabbit", "radish", "raft", "railway", "raven", "ribbon", "ripple", "robin", "rocket", "rosemary",
    "ruby", "rudder", "saddle", "sailor", "salmon", "satin", "scarf", "scissors", "shadow", "shovel", "silver",
    "sparrow", "spider", "spoon", "squirrel", "table", "teapot", "temple", "thistle", "thunder", "tiger", "timber",
    "toast", "tomato", "tortoise", "trumpet", "tulip", "tunnel", "umbrella", "unicorn", "valley", "vanilla",
    "velvet", "village", "violin", "volcano", "voyage", "waffle", "wagon", "walnut", "walrus", "water", "whistle",
    "willow", "window", "winter", "wizard", "yacht", "yellow", "yogurt", "zebra", "zigzag",
];
