"""A login form in Flask: Flask-WTF's token on every form, a signed session, a page for those who logged in, an own 404.

One job: be an ordinary Flask application that knows nothing of the server under it.
"""

import os
from typing import Final

from flask import Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.csrf import CSRFError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

PEOPLE: Final = {"ada": generate_password_hash("lovelace"), "ада": generate_password_hash("лавлейс")}
NOBODY: Final = generate_password_hash(
    ""
)  # checked for unknown names, so that the time taken does not tell who is known

app = Flask(__name__)
app.config.update(SESSION_COOKIE_SAMESITE="Lax", MAX_CONTENT_LENGTH=32 * 1024 * 1024)
app.config.from_prefixed_env()  # FLASK_SECRET_KEY, FLASK_SESSION_COOKIE_SECURE=true behind HTTPS, …
if not app.secret_key:
    raise RuntimeError(
        "FLASK_SECRET_KEY is not set. Every worker must sign sessions with the same key; "
        "make one with: export FLASK_SECRET_KEY=$(python -c 'import secrets; print(secrets.token_hex())')"
    )
csrf = CSRFProtect(app)  # every POST needs the token, unless its view is exempt
if os.environ.get("BEHIND_PROXY"):
    # Only then: whoever reaches the application directly could write these fields himself.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)


class LoginForm(FlaskForm):
    name = StringField("Name", validators=[InputRequired(), Length(max=40)])
    password = PasswordField("Password", validators=[InputRequired(), Length(max=200)])


@app.route("/", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    form = LoginForm()
    if form.validate_on_submit():
        name = form.name.data.strip()
        if check_password_hash(PEOPLE.get(name.casefold(), NOBODY), form.password.data) and name.casefold() in PEOPLE:
            session.clear()  # nothing that a stranger put there may live on in the session of the one who logged in
            session["name"] = name
            return redirect(url_for("desk"), 303)
        form.password.errors.append("No such name and password.")
    return render_template("login.html", form=form), 422 if form.errors else 200


@app.get("/desk")
def desk() -> ResponseReturnValue:
    if "name" not in session:
        return redirect(url_for("login"), 303)
    return render_template("desk.html", name=session["name"])


@app.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    return redirect(url_for("login"), 303)


@app.post("/upload")
@csrf.exempt  # for programs: it reads no cookie, so a foreign page gains nothing by sending one along
def upload() -> ResponseReturnValue:
    return {
        "octets": len(request.get_data()),
        "content_length": request.headers.get("Content-Length"),
        "transfer_encoding": request.headers.get("Transfer-Encoding"),
    }


@app.get("/headers")
def headers() -> ResponseReturnValue:
    return {"remote_addr": request.remote_addr, "scheme": request.scheme, "host": request.host}


@app.errorhandler(CSRFError)
def token_refused(error: CSRFError) -> ResponseReturnValue:
    return render_template("refused.html", reason=error.description), 400


@app.errorhandler(404)
def not_found(_error: Exception) -> ResponseReturnValue:
    return render_template("not_found.html", path=request.path), 404
