"""A login form in Flask, guarded by Flask-WTF's token.

One job: be an ordinary Flask application that knows nothing of the server under it.
"""

import os
import secrets

from flask import Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

PEOPLE = {"ada": generate_password_hash("lovelace"), "ада": generate_password_hash("лавлейс")}

app = Flask(__name__)
# Several workers must agree on the key, so it comes from outside; without it each start forgets who was logged in.
app.secret_key = os.environ.get("FLASK_SECRET_KEY") or secrets.token_hex()
if os.environ.get("BEHIND_PROXY"):
    # Only then: whoever can reach the application directly could write these headers himself.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)


class LoginForm(FlaskForm):
    name = StringField("Name", validators=[InputRequired(), Length(max=40)])
    password = PasswordField("Password", validators=[InputRequired(), Length(max=200)])


@app.route("/", methods=["GET", "POST"])
def login() -> ResponseReturnValue:
    form = LoginForm()
    if form.validate_on_submit():
        stored = PEOPLE.get(form.name.data.strip().casefold())
        if stored and check_password_hash(stored, form.password.data):
            session["name"] = form.name.data.strip()
            return redirect(url_for("desk"))
        form.password.errors.append("No such name and password.")
    return render_template("login.html", form=form), 200 if request.method == "GET" else 422


@app.route("/desk")
def desk() -> ResponseReturnValue:
    if "name" not in session:
        return redirect(url_for("login"))
    return render_template("desk.html", name=session["name"])


@app.post("/logout")
def logout() -> ResponseReturnValue:
    session.clear()
    return redirect(url_for("login"))


@app.post("/upload")
def upload() -> ResponseReturnValue:
    return {"octets": len(request.get_data())}


@app.route("/headers")
def headers() -> ResponseReturnValue:
    return {"remote_addr": request.remote_addr, "scheme": request.scheme, "host": request.host}


@app.errorhandler(404)
def not_found(_error: Exception) -> ResponseReturnValue:
    return render_template("not_found.html", path=request.path), 404
