"""What the suites upload as speech."""

import io
import wave


def sound():
    """A file of one second of silence: its name and its bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return ("a.wav", out.getvalue())
