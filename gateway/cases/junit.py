"""What became of the cases as JUnit XML, the form that continuous integration reads."""

from collections.abc import Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, tostring

from gateway.cases.play import Result
from gateway.cases.text import explained


def junit(results: Sequence[Result]) -> bytes:
    """One suite for each file, one test case for each case."""
    root = _counted(Element("testsuites", name="gateway test"), results)
    for file, group in groupby(results, lambda result: result.case.file):
        of_file = list(group)
        suite = _counted(SubElement(root, "testsuite", name=file), of_file)
        for result in of_file:
            _case(suite, result)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _counted(element: Element, results: Sequence[Result]) -> Element:
    element.set("tests", str(len(results)))
    element.set("failures", str(sum(result.failure is not None for result in results)))
    element.set("errors", "0")
    element.set("time", f"{sum(result.seconds for result in results):.3f}")
    return element


def _case(suite: Element, result: Result) -> None:
    case = result.case
    file, _, line = case.source.rpartition(":")
    words = {"name": case.name, "classname": case.file, "file": file, "line": line}
    element = SubElement(suite, "testcase", words, time=f"{result.seconds:.3f}")
    if result.failure is not None:
        first = result.failure.mismatches[0]
        message = f"{first.what}: expected {first.expected}, got {first.got}"
        SubElement(element, "failure", message=_sound(message)).text = _sound(
            "\n".join([result.failure.scene.source, *explained(result.failure)])
        )


def _sound(text: str) -> str:
    # XML 1.0 2.2 has no place for most control characters, not even escaped.
    return "".join([each if each.isprintable() or each == "\n" else "?" for each in text])
