"""The command that serves other programs."""

from dataclasses import dataclass

from vqa.commands.serving import Serving

OLLAMA_PORT = 11434


@dataclass(frozen=True, kw_only=True)
class Args(Serving):
    """Describe photos for other programs, through the APIs of OpenAI and Ollama."""

    language: str | None = None
    """Code of the language that `glimpse` describes photos in, such as de; by default the model's
    own. Questions and answers are English in any case."""
    port: int = OLLAMA_PORT
    """Port to serve, by default the one that programs expect Ollama at; 0 takes a free one."""
    names: tuple[str, ...] = ("glimpse",)
    """Names that the model answers to, such as the one that a program always asks for; glimpse/de
    and the like are the other languages of glimpse."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.port < 65536:
            raise ValueError(f"port must be between 0 and 65535, got {self.port}")
        if not self.names or not all(name.strip() for name in self.names):
            raise ValueError(f"names must name the model, got {self.names}")


def main(args: Args) -> None:
    """Load the models, say where they are served, and serve until interrupted."""
    from vqa.commands.app import load_models, name_of
    from vqa.serve.models import Models
    from vqa.serve.server import build_server, listen, serve
    from vqa.serve.service import Service

    # A taken port is found before the models are loaded.
    with listen(args.host, args.port) as listening:
        name = name_of(args.model, args.ask_model)
        captioner, answerer = load_models(name, args.ask_model)
        writer = captioner.in_language(args.language or captioner.language.code)
        models = Models(writer, answerer)
        service = Service(models, limits=args, token=args.token, names=args.names)
        host = f"[{args.host}]" if ":" in args.host else args.host
        address = f"http://{host}:{listening.getsockname()[1]}"
        print(f"{address}/v1 speaks OpenAI's API, {address} Ollama's", flush=True)
        try:
            serve(build_server(service, host=args.host, names=args.hosts), listening)
        finally:
            service.close()
