"""What each of the ten services offers and holds at its start.

One function a service; each adds its routes to an application. Amounts of money are in cents.
"""

from aiohttp import web

from gateway.demo.collection import Collection
from gateway.demo.probes import drop, echo, fail, slow, upload
from gateway.demo.streams import Answer, Chat

_TOKEN_INTERVAL = 0.05

_FRACTIONS = (
    "A loaf cut into four, a field fenced in three, a class in which half of the learners play and a third "
    "of those sing. From parts of a whole to a common denominator in eight lessons, each with a story, a "
    "drawing to colour in and ten exercises that mark themselves."
)
_READING = (
    "The sounds of isiZulu, one a week: first alone, then in a word that every child knows, then in a song. "
    "By the last week the class reads a whole picture book aloud, and each child takes home one that it has "
    "drawn itself. Recordings of three speakers come with every lesson."
)
_CIRCUITS = (
    "A battery, a bulb and two wires are enough to begin. What flows, what holds it back, and what happens "
    "when a second bulb joins in a row or side by side. Every lesson ends with a circuit to build, a reading "
    "to take and a question that the reading answers."
)


def api_gateway(app: web.Application) -> None:
    """The platform's old backend for frontends: products, search, feature flags, and an echo."""
    products = Collection(
        "product",
        {"name": "Fractions, step by step", "service": "azora-education", "price": 0},
        {"name": "Illustration brief", "service": "azora-forge", "price": 150_00},
        {"name": "A month with a tutor", "service": "azora-sapiens", "price": 99_00},
    )

    async def search(request: web.Request) -> web.Response:
        return web.json_response({"items": products.containing(request.query.get("q", ""))})

    async def suggest(request: web.Request) -> web.Response:
        found = products.containing(request.query.get("q", ""))
        return web.json_response({"names": [item["name"] for item in found]})

    async def flags(request: web.Request) -> web.Response:
        return web.json_response({"tutor_voice": True, "wallet_transfers": True, "new_checkout": False})

    app.add_routes(products.routes())
    app.add_routes([web.get("/search", search), web.get("/suggestions", suggest), web.get("/flags", flags)])
    app.add_routes([web.get("/echo", echo), web.post("/echo", echo)])


def auth_service(app: web.Application) -> None:
    """Users and their sessions."""
    users = Collection(
        "user",
        {"name": "Thandi Mokoena", "roles": ["student"]},
        {"name": "Johan Botha", "roles": ["educator"]},
        {"name": "Aisha Patel", "roles": ["student", "creator"]},
    )
    sessions = Collection("session", {"user": "user-1", "device": "phone"})
    app.add_routes(users.routes() + sessions.routes())


def azora_education(app: web.Application) -> None:
    """Courses, their lessons, and who is enrolled."""
    courses = Collection(
        "course",
        {"title": "Fractions, step by step", "grade": 6, "language": "en", "about": _FRACTIONS},
        {"title": "Izinhlamvu: reading in isiZulu", "grade": 2, "language": "zu", "about": _READING},
        {"title": "Electric circuits", "grade": 9, "language": "en", "about": _CIRCUITS},
    )
    lessons = Collection(
        "lesson",
        {"course": "course-1", "title": "Halves and quarters", "minutes": 20},
        {"course": "course-1", "title": "A common denominator", "minutes": 25},
        {"course": "course-3", "title": "Current and resistance", "minutes": 30},
        owner=courses,
    )
    enrolments = Collection("enrolment", {"course": "course-1", "user": "user-1"}, owner=courses)
    app.add_routes(courses.routes() + lessons.routes() + enrolments.routes())


def azora_forge(app: web.Application) -> None:
    """The creators' marketplace: listings for sale, jobs to be done, proposals to do them."""
    listings = Collection(
        "listing",
        {"title": "Forty maths posters", "creator": "user-3", "price": 120_00},
        {"title": "Voice pack, Setswana", "creator": "user-2", "price": 340_00},
    )
    jobs = Collection(
        "job",
        {"title": "Animate the water cycle", "budget": 4_500_00, "open": True},
        {"title": "Proofread a physics reader", "budget": 1_200_00, "open": True},
    )
    proposals = Collection("proposal", {"job": "job-1", "creator": "user-3", "days": 10}, owner=jobs)
    app.add_routes(listings.routes() + jobs.routes() + proposals.routes())


def azora_sapiens(app: web.Application) -> None:
    """Sessions with an AI tutor: questions, and an answer that streams."""
    topics = Collection("topic", {"name": "fractions"}, {"name": "circuits"}, {"name": "poetry"})
    sessions = Collection("session", {"user": "user-1", "topic": "topic-1", "language": "en"})
    questions = Collection(
        "question", {"session": "session-1", "text": "What is a fraction?"}, owner=sessions
    )
    app.add_routes(topics.routes() + sessions.routes() + questions.routes())
    app.add_routes([web.get("/sessions/{session}/answer", Answer(sessions, _TOKEN_INTERVAL).stream)])


def ai_family_service(app: web.Application) -> None:
    """The family of AI personas, the rooms they talk in, and a chat with one of them."""
    personas = Collection(
        "persona",
        {"name": "Elara", "greeting": "Hello, my dear. How was your day?", "habit": "Sit with me. So"},
        {"name": "Themba", "greeting": "Sharp! What are we building?", "habit": "Nice one!"},
    )
    rooms = Collection("room", {"name": "Kitchen table", "personas": ["persona-1", "persona-2"]})
    messages = Collection(
        "message",
        {"room": "room-1", "persona": "persona-1", "text": "Who has homework?"},
        {"room": "room-1", "persona": "persona-2", "text": "Only the fun kind."},
        owner=rooms,
    )
    chat = Chat(personas)
    app.add_routes(personas.routes() + rooms.routes() + messages.routes() + [web.get("/chat", chat.talk)])
    app.on_shutdown.append(chat.close)


def azora_mint(app: web.Application) -> None:
    """Wallets, transfers between them, rewards to claim, and the issue of new tokens."""
    wallets = Collection(
        "wallet",
        {"user": "user-1", "balance": 320, "token": "AZR"},
        {"user": "user-2", "balance": 75, "token": "AZR"},
    )
    transfers = Collection("transfer", {"wallet": "wallet-1", "to": "wallet-2", "amount": 15}, owner=wallets)
    rewards = Collection(
        "reward",
        {"for": "Finish a course", "amount": 50},
        {"for": "Help a fellow student", "amount": 10},
    )
    claims = Collection("claim", {"reward": "reward-2", "wallet": "wallet-1"}, owner=rewards)
    issues = Collection("issue", {"amount": 100_000, "memo": "Opening supply"})
    for collection in (wallets, transfers, rewards, claims, issues):
        app.add_routes(collection.routes())


def azora_assessment(app: web.Application) -> None:
    """Exams, what students hand in, and the work itself as a file."""
    exams = Collection(
        "exam",
        {"title": "Fractions: end of term", "course": "course-1", "minutes": 45},
        {"title": "Circuits: practical", "course": "course-3", "minutes": 90},
    )
    submissions = Collection(
        "submission",
        {"exam": "exam-1", "user": "user-1", "grade": 78},
        {"exam": "exam-1", "user": "user-3", "grade": None},
        owner=exams,
    )
    app.add_routes(exams.routes() + submissions.routes())
    app.add_routes([web.put("/submissions/{submission}/work", upload)])


def azora_pay(app: web.Application) -> None:
    """Charges, refunds of them, invoices, and a month's statement as a file."""
    charges = Collection(
        "charge",
        {"user": "user-1", "amount": 99_00, "currency": "ZAR", "status": "captured"},
        {"user": "user-2", "amount": 340_00, "currency": "ZAR", "status": "refunded"},
    )
    refunds = Collection("refund", {"charge": "charge-2", "amount": 340_00}, owner=charges)
    invoices = Collection("invoice", {"user": "user-1", "charge": "charge-1", "amount": 99_00})

    async def statement(request: web.Request) -> web.Response:
        month = request.match_info["month"]
        text = f"date,charge,amount\n{month}-03,charge-1,99.00\n{month}-17,charge-2,340.00\n"
        return web.Response(text=text, content_type="text/csv")

    app.add_routes(charges.routes() + refunds.routes() + invoices.routes())
    app.add_routes([web.get(r"/statements/{month:\d{4}-\d{2}}", statement)])


def health_monitor(app: web.Application) -> None:
    """The state of the other nine, incidents, and probes that misbehave on purpose."""
    services = Collection(
        "service",
        {"id": "azora-pay", "status": "up", "uptime": 0.9998},
        {"id": "azora-sapiens", "status": "degraded", "uptime": 0.9871},
        {"id": "azora-mint", "status": "up", "uptime": 0.9995},
    )
    incidents = Collection("incident", {"service": "azora-sapiens", "summary": "Answers are slow to begin."})

    async def status(request: web.Request) -> web.Response:
        return web.json_response({"status": "degraded", "up": 8, "degraded": 1, "down": 0})

    app.add_routes(services.routes() + incidents.routes())
    app.add_routes([web.get("/status", status), web.get("/probe/slow", slow)])
    app.add_routes([web.get("/probe/fail", fail), web.get("/probe/drop", drop)])
