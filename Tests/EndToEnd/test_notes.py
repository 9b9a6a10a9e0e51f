"""What pages say once, after a form has done something."""


def test_no_address_makes_a_page_claim_what_did_not_just_happen(site):
    ada = site.visitor("notes@example.org")
    answer = ada.send("/account", "/account/sessions/end-others", {})
    assert "All other sessions have ended." in answer.text
    note = answer.url.split("note=")[1]
    # Another session's, an invented one, and another note with the same seal.
    bob = site.visitor("notes-bob@example.org")
    assert "All other sessions have ended." not in bob.get(f"/account?note={note}").text
    assert "All other sessions have ended." not in ada.get("/account?note=others-ended").text
    forged = note.replace("others-ended", "password-changed")
    assert "Your password is changed" not in ada.get(f"/account?note={forged}").text
