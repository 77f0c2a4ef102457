"""The nouns that captions name things by: one table, for scores and for questions made of captions.

It is English only, and meant to be read and extended: a word that is missing makes fewer questions
and fewer objects, never wrong ones. In a table:

- "man+men" gives an irregular plural, "+jeans" a word that has only a plural.
- "=guy" is another word for the same thing: it may stand in a question, but the answer is the
  first word. "~labrador" is one more, or a narrower one, that no question is made from.
- "hot_dog" is one noun of two words. A line that begins with "=" or "~" continues the one before.

What counts as one object (`objects`) is coarser than what questions ask about: every word for a
human being names a person, as in COCO and in Rohrbach et al. 2018 ("Object Hallucination in Image
Captioning", arXiv 1809.02156), whose 80 objects are all here, with words of our own choosing.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

NOUNS = {
    "person": """
        man+men=guy=gentleman~gentleman+gentlemen~groom~dude woman+women=lady~bridesmaid boy girl
        child+children=kid=toddler~youngster baby~infant person+people=adult~person+persons player
        =athlete skateboarder=skater~skate_boarder~rollerblader snowboarder~snow_boarder skier
        ~snow_skier surfer~windsurfer swimmer climber=hiker~rock_climber~backpacker biker=cyclist
        =bicyclist=motorcyclist~mountain_biker dancer~ballerina musician~drummer~guitarist singer
        artist worker=employee soldier policeman+policemen~policewoman+policewomen~cop~officer
        ~police_officer~police+police cowboy~cowgirl clown bride photographer driver chef=cook~baker
        """,
    "group": "group crowd couple team family class band audience",
    "animal": """
        dog=puppy=poodle=greyhound=terrier=retriever=collie~pup~doggy~labrador~lab~bulldog~shepherd
        ~dalmatian~dalmation~beagle~pitbull~pit_bull~husky~hound~spaniel~dachshund~pug~rottweiler
        ~doberman~chihuahua~mutt~corgi~schnauzer~saint_bernard~st_bernard cat=kitten~kitty~tabby
        ~feline horse=pony~stallion~mare~foal~colt~bronco bird=pigeon=seagull~gull~parrot~owl~swan
        ~goose+geese~eagle~hawk~flamingo~pelican~peacock~crow~dove~sparrow~finch~ostrich~penguin
        ~robin~heron~hummingbird~cockatoo~parakeet~stork~egret~falcon~vulture cow=bull~cattle+cattle
        ~calf+calves~ox+oxen~steer~bison~buffalo sheep+sheep=lamb~ram~ewe goat fish+fish
        ~goldfish+goldfish duck~duckling~mallard monkey~ape~gorilla~chimpanzee~baboon elephant
        giraffe zebra bear~polar_bear~grizzly~panda~cub lion~lioness tiger rabbit~bunny~hare animal
        =creature
        """,
    "vehicle": """
        bike=bicycle~tricycle~bmx car=taxi~van~minivan~suv~sedan~jeep~cab~limousine~limo~automobile
        ~racecar~race_car~police_car~convertible truck~firetruck~fire_truck~fire_engine~pickup
        ~pick-up~semi~lorry bus~minibus~double-decker~double_decker~decker_bus~school_bus motorcycle
        =motorbike~moped~dirt_bike~dirtbike~motor_bike~motor_cycle~motor_scooter~vespa train
        ~locomotive~subway~tram~trolley~streetcar~steam_engine~train_car boat=canoe=kayak=raft=ship
        ~sailboat~rowboat~yacht~ferry~gondola~sail_boat~speedboat~motorboat~barge~dinghy~tugboat
        plane=airplane~jet~aircraft+aircraft~airliner~jetliner~biplane~seaplane~air_plane skateboard
        ~skate_board~longboard scooter wagon=cart~carriage~buggy stroller wheelchair sled~sleigh
        ~toboggan tractor helicopter vehicle
        """,
    "clothing": """
        shirt=t-shirt=tshirt=sweatshirt=sweater~hoodie~blouse~tank_top~dress_shirt~pullover jacket
        =coat~parka~blazer~windbreaker~raincoat hat=cap=beanie~bonnet~sombrero~cowboy_hat helmet
        ~hardhat~hard_hat dress=gown~wedding_dress skirt~tutu suit~tuxedo vest~life_vest~life_jacket
        uniform=jersey scarf~shawl~scarf+scarves tie~necktie~bowtie~bow-tie~bow_tie costume=outfit
        bikini=swimsuit~bathing_suit mask collar backpack~back_pack~knapsack~rucksack +shorts +pants
        ~+trousers~+slacks~+leggings~+khakis +jeans +trunks +shoes+shoe~sneaker~sandal~flip_flop
        ~flip-flop~slipper~cleat~heels +boots~boot +gloves~glove~mitt~mitten~baseball_glove
        ~baseball_mitt +sunglasses +glasses~+eyeglasses~+spectacles +goggles
        """,
    "thing": """
        ball~soccer_ball~tennis_ball~beach_ball frisbee=disc~frisbie~disk stick=branch~tree_branch
        ~twig toy rope~cord leash bat~baseball_bat racket~racquet~tennis_racket~tennis_racquet
        ~raquet surfboard~surf_board~boogie_board~bodyboard~wakeboard snowboard~snow_board guitar
        drum microphone camera phone=cellphone=telephone~cell_phone~iphone~smartphone laptop
        =computer~laptop_computer book~notebook newspaper=magazine umbrella~parasol flag~banner sign
        ~advertisement~billboard~street_sign balloon kite bubble bag=purse=handbag~tote~pouch~sack
        ~satchel suitcase~luggage+luggage~baggage+baggage~suit_case~briefcase bottle~water_bottle
        ~wine_bottle~beer_bottle cup=mug~saucer~teacup glass~goblet~glass_of_water~glasses_of_water
        bowl plate~dish~platter~paper_plate knife+knives fork spoon~ladle cake~cupcake~cheesecake
        ~carrot_cake~birthday_cake~chocolate_cake pizza~pizza_pie sandwich~burger~hamburger
        ~cheeseburger~panini apple banana orange~orange_slice~sliced_orange~peeled_orange
        ~half_orange~whole_orange~tangerine~clementine carrot~baby_carrot donut~doughnut~bagel
        hotdog=hot-dog~hot_dog flower=rose~tulip~bouquet~daisy~sunflower~lily~blossom~orchid vase
        ~glass_vase clock lamp~lantern tent bucket~pail basket box~carton~crate hose cigarette~cigar
        candle pillow~cushion blanket=towel~comforter~quilt~bedspread~bedding television=tv~t.v.
        ~tv_screen~television_screen keyboard mouse+mice sink~basin toilet~toilet_seat~toilet_bowl
        ~urinal~commode oven=stove~stovetop~stove_top refrigerator=fridge~freezer microwave
        ~microwave_oven mirror
        """,
    "furniture": """
        table~dining_table~coffee_table~table_top~tabletop~nightstand bench~park_bench~pew chair
        =seat~armchair~recliner~highchair bed=mattress~bunk~cot~crib couch=sofa~loveseat~futon desk
        stool~ottoman shelf+shelves~bookshelf+bookshelves~bookcase~book_shelf counter~countertop
        ~counter_top cabinet~cupboard~drawer~dresser~closet~wardrobe trampoline swing~swing_set
        slide~water_slide ladder fence~gate wall tree~palm~palm_tree~christmas_tree door~doorway
        window rock=boulder~stone log~stump~tree_stump ramp~half_pipe~half-pipe rail=railing
        ~handrail~guardrail pole~post~lamppost hurdle~obstacle fountain~water_fountain statue
        ~sculpture bridge~overpass staircase+stairs~stair~stairway~+steps~escalator
        """,
    "place": """
        beach=shore~coast~seashore~shoreline~seaside street=road~highway~roadway~freeway~crosswalk
        ~intersection~avenue~alley~roadside park~skatepark~skate_park field~pasture~meadow~grassland
        ~outfield~infield~prairie~savannah~savanna pool~swimming_pool lake~pond river=stream=creek
        ~riverbank~waterway~canal ocean=sea~bay mountain~mountainside~mountaintop~peak hill=slope
        ~hillside~hilltop~ski_slope forest=woods~woodland~jungle sidewalk=pavement~side_walk~curb
        ~walkway yard=backyard~back_yard~courtyard lawn playground track=racetrack~train_track
        ~railroad_track~railroad~railway~race_track stage court~tennis_court~basketball_court desert
        =dune kitchen bathroom~restroom~washroom bedroom~bed_room restaurant~cafe~diner~cafeteria
        store=shop~bakery~supermarket market office~cubicle room city~town~downtown~village trail
        =path~pathway~footpath cliff puddle garden airport~terminal~runway~tarmac~air_port station
        ~train_station~bus_stop~bus_station~train_platform stadium~arena gym~gymnasium
        """,
    "ground": """
        snow water grass sand dirt~soil~gravel mud ice air floor ground leaf+leaves
        """,
}
"""What captions speak of, by kind, and questions ask about: all but the words behind a "~"."""

FURTHER = {
    "person": """
        rider=racer=jockey=passenger=commuter=pedestrian=runner=jogger=walker=traveler
        fireman+firemen=firefighter=lifeguard=hunter=farmer=fisherman+fishermen
        =sailor pitcher=batter=catcher=umpire=goalie=referee=coach=boxer=wrestler=golfer=gymnast
        =cheerleader=teammate=opponent=competitor=fighter=acrobat=santa=paddler=kayaker=rower=diver
        =boarder=hitter=defender teen=teenager=youth=student=teacher=schoolgirl=schoolboy mother=mom
        =father=dad=parent=son=daughter=brother=sister=grandmother=grandfather=husband=wife+wives
        =friend male=female=human=individual=someone=somebody performer=actor=actress=entertainer
        =magician waiter=waitress=bartender=vendor=barber=doctor=nurse=businessman+businessmen
        =businesswoman+businesswomen=painter=priest=nun=monk spectator=onlooker=tourist=customer
        =shopper=guest=visitor=bystander=participant=protester=member=owner=camper
        """,
    "animal": """
        camel=llama donkey=mule deer+deer=antelope=elk=moose=gazelle=impala pig=hog=piglet chicken
        =hen=rooster turkey squirrel=chipmunk kangaroo wolf+wolves fox=coyote leopard=cheetah rhino
        =rhinoceros hippo=hippopotamus whale dolphin seal=walrus shark turtle=tortoise snake lizard
        alligator=crocodile frog butterfly insect=bug=bee spider rat octopus crab=lobster
        """,
    "vehicle": """
        ambulance trailer=rv atv=four-wheeler=four_wheeler=go-kart forklift=bulldozer=excavator
        jet_ski=jetski snowmobile roller_coaster=rollercoaster=coaster carousel=merry-go-round tank
        parachute=glider=hang_glider
        """,
    "clothing": """
        wetsuit=wet_suit apron robe=bathrobe=kimono +socks~sock +pajamas headband=bandana=bandanna
        headscarf+headscarves=turban=veil=hood wig +headphones=headset crown=tiara belt=harness cape
        necklace=bracelet=jewelry+jewelry snowsuit=snow_suit wristwatch=wristband diaper=bib bra
        =underwear tattoo
        """,
    "thing": """
        teddy_bear=teddy=stuffed_animal=stuffed_bear=stuffed_toy doll=puppet=mannequin=figurine
        fire_hydrant=hydrant stop_sign traffic_light=stoplight=traffic_signal=stop_light
        street_light=streetlight=street_lamp parking_meter=meter wine_glass=wineglass=glass_of_wine
        =glasses_of_wine remote=remote_control=controller=wii monitor=screen=projector
        =computer_monitor toaster blender=mixer dishwasher washer=dryer=washing_machine hair_dryer
        =hairdryer=hair_drier=blow_dryer toothbrush=tooth_brush toothpaste +scissors brush=hairbrush
        =paintbrush=comb razor plant=potted_plant=houseplant=fern=cactus=shrub=bush=hedge=shrubbery
        =foliage=vegetation=greenery=weed=seaweed +skis~snow_skis~skiis ski_pole +skates~ice_skates
        ~rollerblades paddle=oar net goal=goalpost=hoop=hula_hoop home_plate golf_club gun=rifle
        =pistol=water_gun sword=spear piano violin=cello saxophone trumpet=trombone=tuba flute
        accordion pot=kettle=teapot pan=skillet=frying_pan tray napkin=tablecloth=placemat
        +chopsticks utensil=silverware+silverware=spatula jar tin_can=beer_can=soda_can trash_can
        =garbage_can=dumpster=garbage=trash=bin cutting_board pencil=marker=crayon paper=card=letter
        =envelope=document shower bathtub=tub=bath curtain~+blinds~drape faucet=sprinkler
        toilet_paper=tissue=paper_towel soap carpet=rug=mat sheet=cloth=tarp painting=poster=mural
        =artwork graffiti speaker=stereo=radio printer wire=cable=power_line fireplace=chimney
        ceiling_fan chandelier broom=mop=vacuum shovel=rake=axe hammer=wrench=screwdriver bell wheel
        =tire engine=motor vending_machine saddle=bridle=rein barrel=keg cooler bone snowball
        snowman+snowmen sandcastle pacifier tube=innertube=inner_tube pipe cone chain=hook ribbon
        =bow=string confetti gift trophy=medal coin=money+money map=menu chalkboard=blackboard
        =whiteboard fire=campfire=bonfire=flame=firework smoke wave waterfall=rapids sky cloud sun
        =sunset=sunrise moon shadow=silhouette reflection rainbow fog=mist rain=storm light
        =headlight=spotlight=lightbulb binoculars=telescope tripod chess dice puzzle crutch+crutches
        bird_feeder=feeder=birdhouse=cage tablet=ipad ipod skull=skeleton feather
        """,
    "furniture": """
        booth=kiosk=stall=fruit_stand bleacher=grandstand scaffold=scaffolding crane barrier
        =barricade pillar=column=arch=archway=pedestal awning=canopy=gazebo ledge=windowsill
        =window_sill=sill rack vanity seesaw platform roof=rooftop ceiling hammock
        """,
    "place": """
        living_room=livingroom=lounge=den dining_room classroom=school hallway=hall=lobby garage
        =driveway building=house=home=skyscraper=apartment=cabin=cottage=hut=mansion=shed=shack
        church=cathedral=temple castle=palace tower=clock_tower=lighthouse hotel=motel hospital
        museum theater=theatre library mall barn=stable farm=ranch zoo=aquarium parking_lot porch
        =patio=deck=balcony=terrace dock=pier=boardwalk=marina=harbor plaza carnival=circus rink
        =ice_rink=skating_rink ballpark=dugout mound enclosure=corral=paddock tunnel=cave island
        valley=canyon ski_lift=chairlift construction_site factory=warehouse pub=tavern rodeo swamp
        =marsh campsite=campground=camp skyline=cityscape
        """,
    "ground": "hay",
    "food": """
        ice_cream=ice-cream=ice_cream_cone=popsicle=milkshake broccoli=brocolli cauliflower
        potato+potatoes tomato+tomatoes onion pepper mushroom lettuce=cabbage=spinach=kale salad
        corn pea bean asparagus cucumber=zucchini pickle olive avocado squash=pumpkin celery garlic
        strawberry=berry=blueberry=raspberry=cherry grape=raisin lemon=lime pear peach=plum
        mango+mangoes kiwi pineapple watermelon=melon coconut grapefruit bread=bun=loaf+loaves=toast
        =baguette=tortilla pastry=croissant=muffin cookie=brownie=cracker pie=tart pancake=waffle
        =crepe +fries~french_fries~fry~chips pasta=spaghetti=noodle=macaroni rice soup=stew=chili
        steak=beef=pork=ham=meatball=ribs sausage=pepperoni bacon egg=omelet=omelette shrimp=seafood
        sushi taco=burrito=nacho cheese butter=peanut_butter whipped_cream=icing=frosting chocolate
        =candy=lollipop=sprinkles jelly=honey=syrup sauce=ketchup=mustard=gravy=condiment cereal
        =oatmeal yogurt=pudding tofu popcorn=pretzel nut=peanut=almond=walnut coffee=espresso=latte
        tea milk beer wine=champagne juice=orange_juice=smoothie=lemonade soda=coke=cola cocktail
        =alcohol cotton_candy herb=parsley=basil dough=crust sugar=salt=flour
        """,
    "part": """
        hand arm leg head face foot+feet mouth nose ear eye hair tongue tooth+teeth tail paw beard
        mustache=moustache neck knee shoulder finger thumb lap belly=stomach chest body skin fur lip
        chin elbow wrist ankle toe mane tusk beak wing trunk muscle fist hip horn mohawk
        """,
    "aside": """
        food=meal=breakfast=lunch=dinner=snack=dessert fruit vegetable=veggie meat=topping
        ingredient drink=beverage=liquid furniture+furniture=appliance equipment+equipment=gear
        clothes+clothes=clothing+clothing=attire=accessory decoration object=item=thing=stuff+stuff
        =tool machine container instrument device board surface structure material=lumber=wood+wood
        =metal=plastic=leather=brick=concrete=cement=steel=tile=straw pen picture=photo=photograph
        =image=video=movie=scene=scenery=landscape=view=display=exhibit background=foreground=area
        =space=place=distance=neighborhood=countryside=terrain=land=region top=side=front=middle
        =center=corner=edge=end=bottom=rear=interior=part=piece=slice=half+halves=row line=pile
        =bunch=pair=lot=set=number=variety=assortment=collection=arrangement=herd=flock base=pack
        color=colour=shape=size=pattern=stripe=design=style=type=kind=logo trick=stunt=game=match
        =race=event=competition=party=parade=concert=performance=contest=festival=wedding=birthday
        =activity=action=position tennis=baseball=soccer=football basketball=volleyball=hockey=rugby
        =golf=cricket=softball=lacrosse=karate=bowling=sport day=night=time=evening=afternoon
        =weather=winter=summer=dusk=sunlight=shade=music=fun=art traffic=way=direction=country=world
        =habitat=christmas=hole=entrance=midair=course
        """,
}
"""More of what captions speak of, which no question asks about.

The last two kinds name no object. Parts of a body are there with the body, named or not. What
stands aside is too wide ("fruit" is no object beside apples), nothing to point at ("top", "day"),
or what is done and made of ("tennis", "brick").
"""

NO_KINDS = frozenset(("part", "aside"))
"""Kinds of nouns that name no object."""
NO_NOUNS = frozenset(("animal", "vehicle", "air", "group", "couple", "class", "band", "room"))
"""Nouns of other kinds that are too wide, or nothing to point at: "a couple of birds"."""
NO_WORDS = frozenset(("orange", "light", "at bat", "team of", "family of", "crowd of", "to fish"))
"""Words that name nothing though another form does, or a part: "orange" is mostly a colour."""
BEFORE_NOUNS = frozenset(("glass", "baby", "adult", "mother", "water", "stone", "chocolate"))
"""Words that only describe an object right behind: a "baby elephant" is nobody."""
VERBS_TOO = frozenset(
    (
        *("swing", "swings", "slide", "slides", "paddle", "paddles", "fish", "skis", "skates"),
        *("leaves", "waves", "steps", "bowls", "coasts", "stalls", "posts", "brushes", "trails"),
    )
)
"""Words that are verbs right behind somebody who can do it: a "player swings"."""
PERSON = "person"
"""The object that all nouns for persons name, and those for groups of them."""


@dataclass(frozen=True)
class Noun:
    """A thing that captions name."""

    name: str
    """The word that answers use."""
    kind: str
    plural: str
    has_singular: bool = True


@dataclass(frozen=True)
class Word:
    """One spelling of a noun."""

    noun: Noun
    is_plural: bool


@dataclass(frozen=True)
class _Spelling:
    """One way to name a noun; a word that has only a plural has no singular."""

    noun: Noun
    singular: str
    plural: str
    asked: bool
    """Whether questions may be made from it."""


def asked_words() -> dict[str, Word]:
    """Return the nouns that questions are made from, by every spelling."""
    words: dict[str, Word] = {}
    for spelling in filter(lambda spelling: spelling.asked, _spellings(NOUNS)):
        if spelling.singular:
            words[spelling.singular] = Word(spelling.noun, is_plural=False)
        words[spelling.plural] = Word(spelling.noun, spelling.singular != spelling.plural)
    return words


@cache
def base_forms() -> Mapping[str, str]:
    """Return the singular of every noun, by plural and singular; of jeans it is jeans."""
    forms: dict[str, str] = {}
    for spelling in (*_spellings(NOUNS), *_spellings(FURTHER)):
        base = spelling.singular or spelling.plural
        forms.setdefault(spelling.plural, base)
        forms.setdefault(base, base)
    return forms


@cache
def objects() -> Mapping[str, str]:
    """Return the object that each word names, singular or plural, of two words with a space."""
    senses = _senses().items()
    return {word: sense.names for word, sense in senses if sense.names}


def objects_in(tokens: Sequence[str]) -> set[str]:
    """Return the objects that a caption names: the longest nouns count, "hot dog" is no dog.

    Args:
        tokens: of the caption, in lower case, see `text.tokenize`.
    """
    found: set[str] = set()
    place, before = 0, _NOTHING
    while place < len(tokens):
        word, length = _longest(tokens, place)
        sense = _senses().get(word, _NOTHING)
        place += length
        is_verb = word in VERBS_TOO and before.acts
        if is_verb or (word in BEFORE_NOUNS and _longest(tokens, place)[0] in objects()):
            sense = _NOTHING
        if sense.names:
            found.add(sense.names)
        before = sense
    return found


@dataclass(frozen=True)
class _Sense:
    """What a word stands for."""

    names: str = ""
    """The object, if it names one."""
    acts: bool = False
    """Whether it is somebody, man or beast, of whom a verb may follow."""


_NOTHING = _Sense()


@cache
def _senses() -> Mapping[str, _Sense]:
    """Return what each word stands for; of two nouns that share it, the first."""
    senses = dict.fromkeys(NO_WORDS, _NOTHING)
    for spelling in (*_spellings(NOUNS), *_spellings(FURTHER)):
        noun = spelling.noun
        is_person = noun.kind in ("person", "group")
        named = "" if noun.kind in NO_KINDS or noun.name in NO_NOUNS else noun.name
        sense = _Sense(
            PERSON if named and is_person else named, acts=is_person or noun.kind == "animal"
        )
        for word in filter(None, (spelling.singular, spelling.plural)):
            senses.setdefault(word, sense)
    return senses


def _longest(tokens: Sequence[str], place: int) -> tuple[str, int]:
    """Return the longest known noun that begins here, or the word, and its number of words."""
    for length in _lengths().get(tokens[place], ()) if place < len(tokens) else ():
        word = " ".join(tokens[place : place + length])
        if word in _senses():
            return word, length
    return " ".join(tokens[place : place + 1]), 1


@cache
def _lengths() -> Mapping[str, tuple[int, ...]]:
    """Return how many words the nouns of several words have, longest first, by the first word."""
    lengths: dict[str, set[int]] = {}
    for words in map(str.split, _senses()):
        if len(words) > 1:
            lengths.setdefault(words[0], set()).add(len(words))
    return {first: tuple(sorted(some, reverse=True)) for first, some in lengths.items()}


def _spellings(tables: Mapping[str, str]) -> Iterator[_Spelling]:
    for kind, table in tables.items():
        for entry in re.sub(r"\s+(?=[=~])", "", table).split():
            noun = None
            for mark, word in re.findall("([=~]?)([^=~]+)", entry.replace("_", " ")):
                singular, _, plural = word.partition("+")
                plural, _, single = plural.partition("+")
                plural = plural or plural_of(singular)
                noun = noun or Noun(singular or plural, kind, plural, bool(singular))
                yield _Spelling(noun, singular or single, plural, asked=mark != "~")


def plural_of(noun: str) -> str:
    """Return the regular plural of a noun, which is the third person of a verb too."""
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeou":
        return noun[:-1] + "ies"
    return noun + "s"
