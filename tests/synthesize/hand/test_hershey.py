"""The fonts that are brought along have the letters of their faces, stroke for stroke, and say whose they are."""

from importlib.resources import files
from pathlib import Path

import numpy as np

from tilth.digest import digest
from tilth.synthesize.hand.hershey import BASE, CAPITAL, faces


def test_faces_have_the_letters_of_their_alphabets():
    found = {name: "".join(letters) for name, letters in faces().items()}
    assert found["futural"] == "".join(chr(code) for code in range(33, 127))
    assert found["scripts"] == "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    assert found["greeks"] == "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
    assert found["cyrilc_1"] == "абвгдежзийклмнопрстуфхцчшщАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩ"


def test_letters_are_those_of_dr_hershey():
    print_ = faces()["futural"]
    assert [line.tolist() for line in print_["L"]] == [[[-6, -12], [-6, 9]], [[-6, 9], [6, 9]]]
    assert [line.tolist() for line in print_["H"]] == [[[-7, -12], [-7, 9]], [[7, -12], [7, 9]], [[-7, -2], [7, -2]]]
    told = {name: {one: [line.tolist() for line in own] for one, own in face.items()} for name, face in faces().items()}
    assert digest(told) == "eaddcb787e24887e"  # of all strokes, as the package Hershey-Fonts 2.1.0 gives them


def test_capitals_stand_on_the_base_line_and_are_as_high_as_said():
    for letter in "AEFHIKLMNTVWXYZ":
        heights = np.concatenate(faces()["futural"][letter])[:, 1]
        assert (heights.min(), heights.max()) == (BASE - CAPITAL, BASE)


def test_the_acknowledgements_go_with_the_data():
    beside = files("tilth.synthesize.hand").joinpath("hershey.txt").read_text("utf-8")
    notice = (Path(__file__).parents[3] / "NOTICE").read_text("utf-8")
    for text in (" ".join(beside.replace("#", " ").split()), " ".join(notice.split())):
        assert "originally created by Dr. A. V. Hershey while working at the U. S. National Bureau of Standards" in text
        assert "James Hurt Cognition, Inc." in text and "*EXCEPT* the format distributed by the U.S. NTIS" in text
